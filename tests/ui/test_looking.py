"""Looking at what was made: A/B, the timeline, the keyboard in the grid; taking it out of the window and back in."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QTableWidget, QTreeWidget, QWidget

from backends.variants import format_variant, parse_variant
from tests.ui.doing import LONG, find, grid_of, run
from ui.arena_view import ArenaView
from workbench.desk import screen
from workbench.document import read_document
from workbench.exports.kinds import EXPORTS


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
    assert ab.canvas.flipped is not flipped and ab.mode == "blink"
    a, b = window.desk.selection.a, window.desk.selection.b
    qtbot.keyClick(ab.canvas, Qt.Key.Key_X)
    assert (window.desk.selection.a, window.desk.selection.b) == (b, a)
    ab.canvas.hovered.emit((0.5, 0.5))
    assert "x 32, y 32" in find(window, QLabel, "pixelReadout").text()
    ab.canvas.hovered.emit(None)
    assert not find(window, QLabel, "pixelReadout").text()
    window.desk.viewport.zoom_at(4)
    assert window.work.grid.cells[0, 0].canvas.viewport_model.zoom == 4


@pytest.mark.parametrize("mode", ["wipe", "side", "blink", "difference"])
def test_pixels_are_read_and_pictures_moved_by_keyboard_in_every_way_of_comparing(qtbot, window, done, mode):
    run(qtbot, window, done)
    window.show_ab()
    ab, readout = window.work.ab, find(window, QLabel, "pixelReadout")
    ab.set_mode(mode)
    shown = window.focusWidget()
    assert shown is (ab._both if mode == "side" else ab.canvas)
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    for key, keys, place in (
        (Qt.Key.Key_Right, control, "x 32, y 32"),
        (Qt.Key.Key_Right, control, "x 33, y 32"),
        (Qt.Key.Key_Up, control | shift, "x 33, y 22"),
    ):
        qtbot.keyClick(shown, key, keys)
        assert readout.text().startswith(place)
    assert "A " in readout.text() and "B " in readout.text() and "Δ" in readout.text()
    assert ab.canvas.cross == ab.sides[0].cross == (33.5 / 64, 22.5 / 64)
    ab.grab()
    for _ in range(3):
        qtbot.keyClick(shown, Qt.Key.Key_Plus)
    before = window.desk.viewport.x
    qtbot.keyClick(shown, Qt.Key.Key_Left, shift)
    assert window.desk.viewport.x < before and ab.canvas.split == 0.5
    assert ab.readout.text() == readout.text()


def test_the_difference_is_worked_out_beside_the_window_and_has_its_scale(qtbot, window, done):
    window.desk.board.take([parse_variant(line) for line in ("pytorch", "pytorch+tome=0.4")])
    run(qtbot, window, done)
    window.show_ab()
    ab = window.work.ab
    ab.set_mode("difference")
    qtbot.waitUntil(lambda: not ab._study.heat.isNull(), timeout=LONG)
    assert ab._study.largest > 0 and str(ab._study.largest) in ab.scale.accessibleName()
    image = ab.canvas.grab().toImage()
    assert len({image.pixel(x, y) for x, y in grid_of(image)}) > 5


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


def test_the_arena_of_an_opencl_variant_is_a_map_that_tells_of_every_tensor(qtbot, window, done):
    window.desk.board.take([parse_variant(line) for line in ("pytorch", "opencl")])
    run(qtbot, window, done)
    window.open_chart("Memory")
    find(window, QAbstractButton, "arenaMemoryButton").click()
    view, readout = find(window, ArenaView, "arenaView"), find(window, QLabel, "arenaReadout")
    network = find(window, QComboBox, "networkCombo")
    titles = [network.itemText(index) for index in range(network.count())]
    assert titles == ["UNet", "VAE decoder", "Text encoder"] and view.arena.stage == "unet"
    assert readout.text().startswith(f"2  {len(view.arena.tensors)} tensors")
    largest = max(view.arena.tensors, key=lambda tensor: tensor.size)
    middle = QPointF((largest.first + largest.last + 1) / 2, largest.offset + largest.size / 2)
    view.plot.scene().sigMouseMoved.emit(view.plot.item.vb.mapViewToScene(middle))
    assert view.pointed is largest
    assert readout.text().startswith(f"2  {largest.name}: {largest.size:,} bytes")
    network.setCurrentIndex(1)
    network.activated.emit(1)
    assert view.arena.stage == "vae_decoder" and view.pointed is None
    for tensor in view.arena.tensors[:2]:
        qtbot.keyClick(view.plot, Qt.Key.Key_Right)
        assert view.pointed is tensor and tensor.module in readout.text()
    view.grab()


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
    readout = find(window, QLabel, "timelineReadout")
    qtbot.keyClick(timeline.plot, Qt.Key.Key_Right)
    names = []
    for _ in range(3):
        qtbot.keyClick(timeline.plot, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
        names.append(readout.text())
    first = timeline.lanes[0].kernels[0]
    assert first.name in names[0] and len(set(names)) == 3
    qtbot.keyClick(timeline.plot, Qt.Key.Key_Down)
    assert readout.text().startswith("2  ")
    left, right = timeline.plot.item.vb.viewRange()[0]
    assert left <= timeline._hovered.start_ms <= right


def test_stage_blocks_are_read_by_keyboard(qtbot, window, done):
    run(qtbot, window, done)
    window.open_chart("Stages")
    stages, readout = window.work.charts.stages, find(window, QLabel, "stageReadout")
    texts = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        qtbot.keyClick(stages.plot, key)
        texts.append(readout.text())
    assert [text.split(":")[0] for text in texts] == ["1  Tokenizer", "1  Text encoder", "2  Text encoder"]
    assert "of the run" in texts[-1] and stages.plot.accessibleDescription() == texts[-1]
    stages.plot.grab()


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

    def restored() -> bool:
        draft = window.desk.form.draft
        return (draft.prompt, draft.seed, draft.steps) == ("a green creature with red eyes", "42", 2)

    qtbot.waitUntil(restored, timeout=LONG)
    window.desk.form.edit(seed="8")
    QGuiApplication.clipboard().setMimeData(data)
    window.paste()
    qtbot.waitUntil(restored, timeout=LONG)
    QGuiApplication.clipboard().setText("something else")
    window.exporter.copy_cell(window.desk.experiment.cell(0, 1))
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().mimeData().hasFormat("image/png"), timeout=LONG)
    for field in (window.prompt_panel.prompt, window.prompt_panel.negative):
        window.desk.form.edit(seed="8", prompt="something else")
        qtbot.keyClick(field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(restored, timeout=LONG)


def test_a_file_without_settings_is_told(qtbot, window, tmp_path: Path):
    said = []
    window.desk.said.connect(lambda text, level: said.append(level))
    for name, content in (("a.png", b"nonsense"), ("missing.png", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / name))])
        window.importer.take(data)
    qtbot.waitUntil(lambda: said == ["error", "error"], timeout=LONG)


def test_every_export_of_the_menu_is_written_and_can_be_read_again(qtbot, window, done, tmp_path: Path):
    said = []
    window.desk.said.connect(lambda text, level: said.append(text))
    window.exporter.export_to(EXPORTS[0], tmp_path / "nothing.png")
    assert "nothing to export" in said[-1]
    window.desk.board.take([parse_variant(line) for line in ("pytorch", "opencl")])
    run(qtbot, window, done)
    files = {kind.name: tmp_path / f"{kind.name}.{kind.ending}" for kind in EXPORTS}
    for kind in EXPORTS:
        file = files[kind.name]
        window.exporter.export_to(kind, file)
        qtbot.waitUntil(lambda file=file: any(str(file) in text for text in said), timeout=LONG)
    cells = list(window.desk.experiment.cells.values())
    assert [item.result for item in read_document(files["json"]).runs] == [cell.result for cell in cells]
    assert cells[1].result.arenas and not cells[0].result.arenas
    lines = [format_variant(column.variant) for column in window.desk.experiment.columns]
    with files["csv"].open(newline="") as rows:
        assert [row[0].split()[0] for row in csv.reader(rows)] == ["Variant", *lines]
    figures = files["markdown"].read_text(encoding="utf-8").splitlines()
    assert [row.split()[1] for row in (figures[0], *figures[2:])] == ["Variant", *lines]
    events = json.loads(files["trace"].read_text(encoding="utf-8"))["traceEvents"]
    assert len([event for event in events if event["ph"] == "X" and event["name"].startswith("unet")]) == 4
    page = files["report"].read_text(encoding="utf-8")
    assert all(line in page for line in lines) and page.count("data:image/png;base64,") >= 2
    sheet = QImage(str(files["png"]))
    assert sheet.width() > 2 * 64 and len({sheet.pixel(x, y) for x, y in grid_of(sheet)}) > 20
    window.exporter.export_to(EXPORTS[0], tmp_path / "png.png" / "inside.png")
    qtbot.waitUntil(lambda: said[-1].startswith("Not written"), timeout=LONG)
    assert find(window, QWidget, "errorBar").isVisible()


def test_copy_puts_the_picture_on_the_clipboard(qtbot, window, done):
    run(qtbot, window, done)
    qtbot.keyClick(
        window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    qtbot.waitUntil(lambda: QGuiApplication.clipboard().image().width() == 64, timeout=LONG)


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


def test_two_prompts_with_one_seed_are_told_apart_in_ab_and_in_the_queue(qtbot, window, done):
    window.desk.board.take([parse_variant("pytorch"), parse_variant("pytorch-sdpa")])
    window.desk.form.edit(prompt="a red cat\na blue dog", prompt_per_line=True, seed="7")
    run(qtbot, window, done)
    window.show_ab()
    for name in ("choiceA", "choiceB"):
        choice = find(window, QComboBox, name)
        texts = [choice.itemText(index) for index in range(choice.count())]
        assert len(set(texts)) == 4 and sum("“a blue dog”" in text for text in texts) == 2
    window.open_chart("Queue")
    queue = find(window, QTreeWidget, "queueList")
    items = [queue.topLevelItem(row) for row in range(queue.topLevelItemCount())]
    assert len({(item.text(0), item.text(1)) for item in items if item}) == len(items) == 4


def test_earlier_comparisons_are_opened_from_the_empty_state(
    qtbot, window, open_window, runner, done, home: Path
):
    assert not find(window, QAbstractButton, "earlierButton").isVisible()
    run(qtbot, window, done)
    qtbot.waitUntil(lambda: len(window.desk.sessions.entries) == 1, timeout=LONG)
    window.close()
    screen.forget(screen.folder())
    second = open_window(runner)
    earlier = find(second, QAbstractButton, "earlierButton")
    qtbot.waitUntil(earlier.isVisible, timeout=LONG)
    assert "(1)" in earlier.text()
    earlier.click()
    table = find(second, QTableWidget, "sessionsTable")
    qtbot.waitUntil(table.isVisible, timeout=LONG)
    table.selectRow(0)
    find(second, QAbstractButton, "openSessionButton").click()
    qtbot.waitUntil(lambda: second.desk.experiment.has_results, timeout=LONG)
    assert second.work.grid.isVisible()
