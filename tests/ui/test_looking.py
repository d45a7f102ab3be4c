"""Looking at what was made: A/B, the timeline, the keyboard in the grid; taking it out of the window and back in."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QLabel, QTableWidget, QWidget

from tests.ui.doing import LONG, find, run


def test_two_pictures_are_compared_in_four_ways(qtbot, window, done):
    run(qtbot, window, done)
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    ab = window.work.ab
    assert ab.isVisible()
    figures = find(window, QLabel, "pairFigures")
    qtbot.waitUntil(lambda: "PSNR" in figures.text() or "Identical" in figures.text(), timeout=LONG)
    for key, mode in (
        (Qt.Key.Key_2, "side"),
        (Qt.Key.Key_3, "blink"),
        (Qt.Key.Key_4, "difference"),
        (Qt.Key.Key_1, "wipe"),
    ):
        qtbot.keyClick(ab, key)
        assert ab.mode == mode
        ab.grab()
    before = ab.canvas.split
    qtbot.keyClick(ab.canvas, Qt.Key.Key_Right)
    assert ab.canvas.split > before
    flipped = ab.canvas.flipped
    qtbot.keyClick(ab.canvas, Qt.Key.Key_Space)
    assert ab.canvas.flipped is not flipped
    a, b = window.desk.selection.a, window.desk.selection.b
    qtbot.keyClick(ab.canvas, Qt.Key.Key_X)
    assert (window.desk.selection.a, window.desk.selection.b) == (b, a)
    ab.canvas.hovered.emit((0.5, 0.5))
    assert "x 32, y 32" in find(window, QLabel, "pixelReadout").text()
    window.desk.viewport.zoom_at(4)
    assert window.work.grid.cells[0, 0].canvas.viewport_model.zoom == 4


def test_the_timeline_tells_of_blocks_and_compares_two(qtbot, window, done):
    run(qtbot, window, done)
    timeline = window.work.charts.timeline
    timeline.refresh()
    readout, ratio = find(window, QLabel, "timelineReadout"), find(window, QLabel, "timelineRatio")
    qtbot.keyClick(timeline.plot, Qt.Key.Key_Right)
    assert "Tokenizer: " in readout.text()
    pieces = [next(piece for piece in lane.stages if piece.stage == "unet") for lane in timeline.lanes]
    for place, piece in enumerate(pieces):
        view = timeline.plot.item.vb
        at = view.mapViewToScene(QPointF((piece.start_ms + piece.end_ms) / 2, place))
        timeline.plot.scene().sigMouseMoved.emit(at)
        assert "UNet 1 of 2: " in readout.text()
        qtbot.keyClick(timeline.plot, Qt.Key.Key_Return)
    assert "×" in ratio.text()
    timeline.align.setCurrentIndex(1)
    timeline.align.activated.emit(1)
    assert [min(abs(piece.start_ms) for piece in lane.stages) for lane in timeline.lanes] == [0.0, 0.0]


def test_recorded_operations_stand_in_the_timeline(qtbot, window, done):
    window.desk.form.edit(kernels=True)
    run(qtbot, window, done)
    timeline = window.work.charts.timeline
    timeline.refresh()
    assert all(lane.kernels for lane in timeline.lanes)
    slowest = max(timeline.lanes[0].kernels, key=lambda piece: piece.milliseconds)
    timeline.plot.item.vb.setXRange(slowest.start_ms, slowest.end_ms, padding=0.5)
    timeline._paint()
    timeline.plot.grab()


def test_arrow_keys_move_through_the_grid_and_enter_compares(qtbot, window, done):
    run(qtbot, window, done)
    grid = window.work.grid
    grid.cells[0, 0].setFocus()
    qtbot.keyClick(grid.cells[0, 0], Qt.Key.Key_Right)
    assert window.desk.selection.current == (0, 1) and grid.cells[0, 1].hasFocus()
    window.toggle_details()
    window.inspector.refresh()
    assert find(window, QLabel, "variantValue").text().replace("\u200b", "") == "pytorch:fp32-sdpa"
    assert "torch" in find(window, QLabel, "versionsValue").text()
    qtbot.keyClick(grid.cells[0, 1], Qt.Key.Key_Return)
    assert window.work.ab.isVisible()


def test_a_dropped_picture_restores_its_settings(qtbot, window, done, tmp_path: Path):
    run(qtbot, window, done)
    said = []
    window.desk.said.connect(lambda text, level: said.append(text))
    file = tmp_path / "a picture.png"
    window.exporter.save_cell_to(window.desk.experiment.cell(0, 1), file)
    qtbot.waitUntil(lambda: any(text.startswith("Written to") for text in said), timeout=LONG)
    window.desk.form.edit(prompt="something else", seed="7", steps=9)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    window.dropEvent(
        QDropEvent(
            QPointF(QPoint(500, 300)),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    draft = window.desk.form.draft
    assert (draft.prompt, draft.seed, draft.steps) == ("a green creature with red eyes", "42", 2)
    window.desk.form.edit(seed="8")
    QGuiApplication.clipboard().setMimeData(data)
    window.paste()
    assert window.desk.form.draft.seed == "42"


def test_every_export_of_the_menu_is_written(qtbot, window, done, tmp_path: Path):
    from workbench.exports.kinds import EXPORTS

    said = []
    window.desk.said.connect(lambda text, level: said.append(text))
    window.exporter.export_to(EXPORTS[0], tmp_path / "nothing.png")
    assert "nothing to export" in said[-1]
    run(qtbot, window, done)
    for kind in EXPORTS:
        file = tmp_path / f"{kind.name}.{kind.ending}"
        window.exporter.export_to(kind, file)
        qtbot.waitUntil(lambda file=file: any(str(file) in text for text in said), timeout=LONG)
        assert file.stat().st_size > 0
    window.exporter.export_to(EXPORTS[0], tmp_path / "png.png" / "inside.png")
    qtbot.waitUntil(lambda: said[-1].startswith("Not written"), timeout=LONG)
    assert find(window, QWidget, "errorBar").isVisible()


def test_copy_puts_the_picture_on_the_clipboard(qtbot, window, done):
    run(qtbot, window, done)
    qtbot.keyClick(
        window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    assert QGuiApplication.clipboard().image().width() == 64


def test_a_kept_comparison_is_named_opened_and_compared(qtbot, window, done):
    run(qtbot, window, done)
    window.open_chart("Sessions")
    table = find(window, QTableWidget, "sessionsTable")
    qtbot.waitUntil(lambda: table.rowCount() == 1, timeout=LONG)
    table.item(0, 1).setText("the first one")
    qtbot.waitUntil(lambda: window.desk.sessions.entries[0].tag == "the first one", timeout=LONG)
    qtbot.waitUntil(lambda: table.item(0, 1).text() == "the first one", timeout=LONG)
    pictures = [cell.picture for cell in window.desk.experiment.cells.values()]
    window.desk.form.edit(seed="1,2")
    run(qtbot, window, done)
    qtbot.waitUntil(lambda: table.rowCount() == 2, timeout=LONG)
    table.selectRow(1)
    find(window, QAbstractButton, "compareSessionButton").click()
    changes = find(window, QTableWidget, "changesTable")
    qtbot.waitUntil(lambda: changes.isVisible(), timeout=LONG)
    find(window, QAbstractButton, "backToSessionsButton").click()
    table.selectRow(1)
    find(window, QAbstractButton, "openSessionButton").click()
    qtbot.waitUntil(lambda: len(window.desk.experiment.cells) == 2, timeout=LONG)
    assert [cell.picture for cell in window.desk.experiment.cells.values()] == pictures
    table.selectRow(0)
    delete = find(window, QAbstractButton, "deleteSessionButton")
    delete.click()
    assert delete.text() == "Delete 1 for good?"
    delete.click()
    qtbot.waitUntil(lambda: table.rowCount() == 1, timeout=LONG)
