"""A result -> the tables and sentences of the document, part by part."""

from collections.abc import Sequence

from benchmarks import figures, growth
from benchmarks.figures import Result
from benchmarks.growth import BYTES, Bucket
from benchmarks.ratios import Estimate, percentile
from benchmarks.tables import estimate_cells, table


def markdown(result: Result) -> str:
    """Everything that is reported of one result."""
    parts = [
        _machine(result),
        _throughput(result),
        _one_client(result),
        _stages(result),
        _tail(result),
        _concurrency(result),
        _growth("objects", growth.by_objects(result), "Images of 640 x 480, by number of objects"),
        _growth("megapixels", growth.by_size(result), "All images, by megapixels"),
        _against_naive(result),
        _sizes(result),
        _precisions(result),
        _checked(result),
    ]
    return "\n\n".join(part for part in parts if part)


def _machine(result: Result) -> str:
    found, options = result["environment"], result["options"]
    machine = f"{found['cores']} cores, {found['cpu']}"
    if "gpu" in found:
        machine = f"{found['gpu']}; {machine}"
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    objects = [image["objects"] for image in result["images"]]
    return (
        f"{found['date']}, commit {found['commit'] or 'unknown'}: {machine}. "
        f"Python {found['python']}, {packages}. "
        f"{len(objects)} images with {min(objects)} to {max(objects)} objects; "
        f"{options['rounds']} rounds of {options['requests']} images; "
        f"B0, B1, B2, H and S1 with {options['threads']} threads, "
        f"S, N1, N2 and B1xP with {options['workers']} workers."
    )


def _throughput(result: Result) -> str:
    rows = [[one.text, *estimate_cells(one.ratio)] for one in figures.throughput_ratios(result)]
    rates = ", ".join(
        f"{name} {found:.3g}"
        for name in (
            *("B0", "B1", "B2", "H", "S", "S1 busy"),
            *(f"S {precision}" for precision in figures.further_precisions(result)),
        )
        if (found := figures.rate(result, name)) is not None
    )
    text = (
        f"{table(['throughput', 'ratio', '95 % interval'], rows)}\n\n"
        f"Images a second on this machine: {rates}."
    )
    if not figures.null_test(result).contains(1):
        text += (
            " The interval of the null test does not contain 1: the machine was not quiet, and the "
            "other ratios are no better."
        )
    return text


def _one_client(result: Result) -> str:
    rows: list[list[str]] = []

    def add(text: str, value: Estimate | None, *, factor: float = 1, unit: str = "") -> None:
        if value is not None:
            rows.append([text, *estimate_cells(value, factor=factor, unit=unit)])

    add(
        "S1 beyond its forward pass, of the forward pass",
        figures.overhead(result),
        factor=100,
        unit=" %",
    )
    add("host stages of H / of B2", figures.host_ratio(result))
    add(
        "S1 beyond the handler's stages",
        figures.over_rounds(result, "S1", figures.transport_ms),
        unit=" ms",
    )
    add("T, the whole", figures.over_rounds(result, "T", figures.transport_ms), unit=" ms")
    add(
        "T work, beyond its work",
        figures.over_rounds(result, "T work", figures.transport_ms),
        unit=" ms",
    )
    add("S1 beyond the handler's stages, less T's whole", figures.above(result, "T"), unit=" ms")
    add(
        "S1 beyond the handler's stages, less T work's",
        figures.above(result, "T work"),
        unit=" ms",
    )
    if not rows:
        return ""
    return table(["one client", "median", "95 % interval"], rows)


def _stages(result: Result) -> str:
    by_series = {name: figures.stage_medians(result, name) for name in ("B2", "H", "S1")}
    by_series = {name: stages for name, stages in by_series.items() if stages}
    names = dict.fromkeys(stage for stages in by_series.values() for stage in stages)
    if not names:
        return ""
    rows = [
        [stage, *(f"{stages.get(stage, 0.0):.2f}" for stages in by_series.values())]
        for stage in sorted(names, key=_order)
    ]
    return table(["stage, ms (medians)", *by_series], rows)


def _order(stage: str) -> int:
    stages = ("decode", "preprocess", "model", "read", "masks", "encode")
    return stages.index(stage) if stage in stages else len(stages)


def _tail(result: Result) -> str:
    measured = result["open_loop"]
    if not measured:
        return ""
    tail = figures.tail_ms(measured["latencies_ms"])
    cells = ", ".join(f"{name} {value:.0f} ms" for name, value in tail.items())
    kept_up = measured["offered_seconds"] / measured["seconds"]
    return (
        f"Open loop at 70 % of what S does when it is kept busy, {len(measured['indices'])} "
        f"requests: {cells}; answers came at {kept_up:.2f} "
        f"of the rate of the requests, {measured['failures']} failures."
    )


def _concurrency(result: Result) -> str:
    rows = [
        [
            str(row["clients"]),
            f"{figures.throughput(row) / figures.throughput(result['concurrency'][0]):.2f}",
            *(f"{percentile(row['latencies_ms'], p):.0f}" for p in (50, 95)),
        ]
        for row in result["concurrency"]
        if figures.throughput(result["concurrency"][0])
    ]
    head = ["clients of S", "throughput / that of one", "p50, ms", "p95, ms"]
    return table(head, rows) if rows else ""


def _growth(what: str, buckets: Sequence[Bucket], title: str) -> str:
    if not buckets:
        return ""
    names = list(dict.fromkeys(name for bucket in buckets for name in bucket.values))
    rows = [
        [bucket.text, str(bucket.images), *(_cell(bucket, name) for name in names)]
        for bucket in buckets
    ]
    head = [what, "images", *(name if name == BYTES else f"{name}, ms" for name in names)]
    return f"{title}; medians:\n\n{table(head, rows)}"


def _cell(bucket: Bucket, name: str) -> str:
    if name not in bucket.values:
        return ""
    return f"{bucket.values[name]:.{0 if name == BYTES else 1}f}"


def _against_naive(result: Result) -> str:
    rows = [
        [
            one.text,
            str(one.images),
            f"{one.ours_ms:.0f}",
            f"{one.theirs_ms:.0f}",
            f"{one.theirs_mb:.0f}",
            *estimate_cells(one.ratio),
        ]
        for one in growth.by_mask_pixels(result)
    ]
    if not rows:
        return ""
    head = ["million mask pixels", "images", "S, ms", "N1, ms", "N1's largest answer, MB"]
    head += ["S / N1", "95 % interval"]
    title = "S and N1, one client each, by the pixels of all masks of an image together"
    return f"{title}:\n\n{table(head, rows)}"


def _precisions(result: Result) -> str:
    """How far the faster ones are from Detectron2."""
    rows = []
    for precision in figures.further_precisions(result):
        found = result["checked"].get(f"S {precision}")
        if found is not None:
            rows.append(
                [
                    f"S {precision}",
                    str(found["objects"]),
                    str(found["found"]),
                    *(_iou(found[f"{which}_mask_iou"]) for which in ("median", "least")),
                    str(found["missed_confident"]),
                    f"{found['largest_score']:.2g}",
                    f"{found['largest_box_px']:.2g}",
                ]
            )
    head = ["against exact", "objects", "found", "mask IoU, median", "least", "missed above 0.5"]
    head += ["largest score shift", "largest box shift, px"]
    return table(head, rows) if rows else ""


def _sizes(result: Result) -> str:
    rows = []
    if (found := figures.bytes_ratio(result)) is not None:
        rows.append(["answer of S / of N1", f"1/{1 / found.median:.0f}"])
    archives, starts = result["archive_bytes"], result["starts"]
    if archives.get("exact") and archives.get("naive"):
        rows.append(["archive of S / of N1", f"{archives['exact'] / archives['naive']:.2f}"])
    if (value := figures.start_ratio(result)) is not None:
        ratios = ", ".join(f"{one:.2f}" for one in value.values)
        seconds = "; ".join(
            f"{name}: {', '.join(f'{one:.1f}' for one in starts[name])} s" for name in ("S", "N1")
        )
        rows.append(["start to READY, S / N1", f"{ratios} ({seconds})"])
    rows += [
        [f"memory of a worker, {name}", f"{max(memory['uss']):.0f} MB of its own"]
        for name, memory in result["memory_mb"].items()
        if memory["uss"]
    ]
    return table(["size and start", ""], rows) if rows else ""


def _iou(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"


def _checked(result: Result) -> str:
    rows, of_t = [], []
    for name, found in result["checked"].items():
        turns = figures.turns(result, name)
        answers = sum(len(turn["indices"]) for turn in turns)
        failures = sum(turn["failures"] for turn in turns)
        if name.split()[0] == "T":
            of_t.append(f"{name}: {answers} answers, {failures} failures")
            continue
        compares_masks = found.get("compares_masks", True)
        rows.append(
            [
                name if compares_masks else f"{name}: boxes, scores and classes alone",
                str(answers),
                str(failures),
                f"{found['identical']} of {found['answers']}",
                f"{found['largest_box_px']:.2g}",
                f"{found['largest_score']:.2g}",
                _iou(found["least_mask_iou"]) if compares_masks else "not compared",
                str(found["unpaired"]),
            ]
        )
    head = ["series", "answers", "failures", "different answers identical to Detectron2's"]
    head += ["box, px", "score", "mask IoU", "unpaired"]
    idle = ", ".join(f"{name} {100 * share:.1f} %" for name, share in result["idle_cpu"].items())
    client = max(
        (turn["client_cpu"] for one in result["rounds"] for turn in one.values()), default=0.0
    )
    left_out = "".join(f" Left out: {arm}: {reason}" for arm, reason in result["left_out"].items())
    lengths = f"Of T's answers status and length are checked. {'; '.join(of_t)}. " if of_t else ""
    return (
        f"{table(head, rows)}\n\n"
        f"{lengths}Of one core, servers that wait take: {idle or 'none ran'}; the client at most "
        f"{100 * client:.0f} %.{left_out}"
    )
