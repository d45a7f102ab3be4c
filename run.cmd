@echo off
rem Finds a Python and hands over to launcher.py, which makes .venv and starts what was asked for. See run.
setlocal
set "root=%~dp0"
set "suits=import sys; sys.exit(sys.version_info < (3, 11))"
set "found="

if defined PYTHON (
    "%PYTHON%" -I -c "%suits%" >nul 2>nul && set found="%PYTHON%"
    goto start
)
"%root%.venv\Scripts\python.exe" -I -c "%suits%" >nul 2>nul && set found="%root%.venv\Scripts\python.exe"
for %%P in ("py -3.11" "py -3.12" "py -3.13" "py -3.14" "py -3" "python3" "python") do (
    if not defined found %%~P -I -c "%suits%" >nul 2>nul && set "found=%%~P"
)

:start
if not defined found (
    echo run: needs Python 3.11 or newer, and found none; to install it: winget install Python.Python.3.12 1>&2
    exit /b 1
)
%found% -I "%root%launcher.py" %*
exit /b %errorlevel%
