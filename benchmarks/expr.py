"""Measure expressions: parse, check, compile, evaluate, import; beside other CEL for Python.

Five expressions over the same data for everyone. Each contender has a process of its own (two of
cel-python's runners in one process break each other), and the rounds take turns, so that a noisy
machine disturbs all. Time is the processor's, spent by the thread that works: wall-clock time less
what other processes take. Figures are medians of all samples, with half of the distance between
the quartiles as spread. What gives a wrong result, or is not installed, is left out with the
reason.

    python -m benchmarks.expr [--rounds N] [--json]

Ends with 1 when a bar is missed.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

EXPRESSIONS = {
    "E1": 'input.count > 10 && steps.a.output.status == "ok"',
    "E2": "input.items.filter(x, x.price > 50).map(x, x.id)",
    "E3": "input.items.exists(x, x.id == 999)",
    "E4": '"Hello " + input.name + ", order " + string(input.count) + "!"',
    "E5": 'size(input.items) > 0 ? input.items[0].name : "none"',
}
LISTS = ("E2", "E3")
ITEMS = 1_000
LAST_ID = 999
SIZES = (100, 1_000, 10_000, 100_000)
PEER_SIZES = (100, 1_000)
"""One of them takes time that grows with the square."""

PARSE_US, CHECK_US, E1_US, PER_THOUSAND_US, IMPORT_MS = 60.0, 60.0, 0.5, 200.0, 60.0
LINEAR = 1.5
"""How much more an item may cost among 100,000 than among 1,000, beside what it costs plain Python:
so many objects do not fit into the caches of the processor.
"""

SAMPLE_S, SAMPLES_S, SAMPLES_MAX = 0.004, 0.4, 25
IMPORTS = 11
CONTENDER_S = 600

Samples = dict[str, list[float]]
"""Microseconds of one operation, by what was measured."""


def data(items: int) -> dict[str, Any]:
    """Return the values of the variables; what E3 looks for is the last item."""
    first = LAST_ID + 1 - items
    listed = [
        {"id": first + n, "price": n * 37 % 100, "name": f"item {n}", "tags": ["a", "b"]}
        for n in range(items)
    ]
    return {
        "input": {"count": 11, "name": "Ada", "items": listed},
        "steps": {"a": {"output": {"status": "ok"}}},
    }


SCHEMAS = {
    "input": {
        "type": "object",
        "required": ["count", "name", "items"],
        "properties": {
            "count": {"type": "integer"},
            "name": {"type": "string"},
            "items": {
                "type": "array",
                "maxItems": 100_000,
                "items": {
                    "type": "object",
                    "required": ["id", "price", "name"],
                    "properties": {
                        "id": {"type": "integer"},
                        "price": {"type": "integer"},
                        "name": {"type": "string"},
                    },
                },
            },
        },
    },
    "steps": {
        "type": "object",
        "required": ["a"],
        "properties": {
            "a": {
                "type": "object",
                "required": ["output"],
                "properties": {
                    "output": {
                        "type": "object",
                        "required": ["status"],
                        "properties": {"status": {"type": "string"}},
                    }
                },
            }
        },
    },
}


def expected(name: str, items: int) -> Any:
    """Return what an expression gives."""
    return {
        "E1": True,
        "E2": [LAST_ID + 1 - items + n for n in range(items) if n * 37 % 100 > 50],
        "E3": True,
        "E4": "Hello Ada, order 11!",
        "E5": "item 0",
    }[name]


def sample(operation: Callable[[], Any]) -> list[float]:
    """Return microseconds of one call, measured over stretches that a clock can tell apart."""
    operation()
    count, taken = 1, 0.0
    while True:
        taken = stretch(operation, count)
        if taken >= SAMPLE_S:
            break
        count = max(count + 1, int(count * min(SAMPLE_S / max(taken, 1e-7) * 1.1, 100)))
    samples = min(SAMPLES_MAX, max(3, int(SAMPLES_S / taken)))
    return [stretch(operation, count) / count * 1e6 for _ in range(samples)]


def stretch(operation: Callable[[], Any], count: int) -> float:
    """Return the seconds that `count` calls take."""
    gc.collect()
    gc.disable()
    try:
        start = time.thread_time()
        for _ in range(count):
            operation()
        return time.thread_time() - start
    finally:
        gc.enable()


def verified(name: str, items: int, evaluate: Callable[[], Any]) -> Callable[[], Any]:
    """Return what evaluates, after one look at its result."""
    found = evaluate()
    if found != expected(name, items):
        raise ValueError(f"{name} gives {str(found)[:40]}")
    return evaluate


def ours(*, typed: bool) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Measure dagnats, with types from schemas or without any."""
    from dagnats import expr
    from dagnats.diagnostics.diagnostic import NOWHERE, Position, Sink
    from dagnats.expr.checking.check import check
    from dagnats.expr.syntax.parser import Origin, parse_expression

    variables: dict[str, Any] = dict.fromkeys(SCHEMAS, expr.DYN)
    if typed:
        variables = {name: expr.from_json_schema(schema) for name, schema in SCHEMAS.items()}
    limits = expr.Limits(cost_max=100_000_000, list_items_max=100_000)
    environment = expr.Environment(variables=variables, limits=limits)
    origin = Origin(Position(0, 1, 1), NOWHERE, verbatim=True)
    for name, text in EXPRESSIONS.items():
        parsed = parse_expression(text, origin, Sink())
        assert parsed is not None
        tree, spans = parsed.expr, parsed.spans
        if typed:
            yield f"parse {name}", lambda t=text: parse_expression(t, origin, Sink())
        yield (
            f"check {name}",
            lambda t=tree, s=spans: check(t, s, variables, Sink(), where=""),
        )
        yield f"compile {name}", lambda t=text: environment.compile(t)
        program = environment.compile(text)
        for items in SIZES if name in LISTS else (ITEMS,):
            roots = data(items)
            run = verified(name, items, lambda p=program, r=roots: p.evaluate(r))
            yield f"evaluate {name} {items}", run


def celpy(runner: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Measure cel-python with one of its runners, its values wrapped beforehand."""
    import celpy as peer

    environment = peer.Environment(runner_class=getattr(peer, runner))
    compiled = runner == "CompiledRunner"
    for name, text in EXPRESSIONS.items():
        if compiled:
            yield (
                f"compile {name}",
                lambda t=text: environment.program(environment.compile(t)),
            )
        else:
            yield f"parse {name}", lambda t=text: environment.compile(t)
        program = environment.program(environment.compile(text))
        for items in PEER_SIZES if name in LISTS else (ITEMS,):
            roots = {key: peer.json_to_cel(value) for key, value in data(items).items()}
            run = verified(name, items, lambda p=program, r=roots: p.evaluate(r))
            yield f"evaluate {name} {items}", run


def rust() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Measure common-expression-language, its context made beforehand."""
    import cel

    for name, text in EXPRESSIONS.items():
        yield f"parse {name}", lambda t=text: cel.compile(t)
        program = cel.compile(text)
        for items in PEER_SIZES if name in LISTS else (ITEMS,):
            context = cel.Context(data(items))
            run = verified(name, items, lambda p=program, c=context: p.execute(c))
            yield f"evaluate {name} {items}", run


def plain() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Measure what a Python programmer would write, which checks nothing: the floor."""
    functions: dict[str, Callable[[Any], Any]] = {
        "E1": lambda r: r["input"]["count"] > 10 and r["steps"]["a"]["output"]["status"] == "ok",
        "E2": lambda r: [x["id"] for x in r["input"]["items"] if x["price"] > 50],
        "E3": lambda r: any(x["id"] == 999 for x in r["input"]["items"]),
        "E4": lambda r: f"Hello {r['input']['name']}, order {r['input']['count']}!",
        "E5": lambda r: r["input"]["items"][0]["name"] if r["input"]["items"] else "none",
    }
    for name, function in functions.items():
        for items in SIZES if name in LISTS else (ITEMS,):
            roots = data(items)
            run = verified(name, items, lambda f=function, r=roots: f(r))
            yield f"evaluate {name} {items}", run


CONTENDERS: dict[str, Callable[[], Iterator[tuple[str, Callable[[], Any]]]]] = {
    "dagnats": lambda: ours(typed=True),
    "dagnats, no types": lambda: ours(typed=False),
    "cel-python": lambda: celpy("InterpretedRunner"),
    "cel-python compiled": lambda: celpy("CompiledRunner"),
    "common-expression-language": rust,
    "plain Python": plain,
}
OURS = ("dagnats", "dagnats, no types")
PEERS = ("cel-python", "cel-python compiled", "common-expression-language")


def measured(contender: str) -> dict[str, Any]:
    """Measure one contender here; what it cannot do is an `error`."""
    found: Samples = {}
    try:
        for what, operation in CONTENDERS[contender]():
            found[what] = sample(operation)
    except Exception as error:  # whatever a peer throws is why its row is missing
        if contender not in PEERS:
            raise
        return {"samples": found, "error": f"{type(error).__name__}: {error}"}
    return {"samples": found}


def in_process(contender: str) -> dict[str, Any]:
    """Measure one contender in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.expr", "--only", contender],
        stdout=subprocess.PIPE,
        check=False,
        text=True,
        timeout=CONTENDER_S,
    )
    if done.returncode != 0 and contender not in PEERS:
        raise SystemExit(f"{contender} could not be measured")
    if done.returncode != 0:
        return {"samples": {}, "error": f"its process ended with {done.returncode}"}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def imports(program: str) -> list[float]:
    """Return the milliseconds that new processes take for a program."""
    timed = (
        f"import time; t = time.perf_counter(); {program}; print((time.perf_counter() - t) * 1000)"
    )
    found = []
    for _ in range(IMPORTS):
        done = subprocess.run(
            [sys.executable, "-c", timed], capture_output=True, text=True, check=True
        )
        found.append(float(done.stdout))
    return found


IMPORTED = {
    "import dagnats.expr": "import dagnats.expr",
    "everything of it": "from dagnats.expr import *",
    "import and first value": "from dagnats import expr; expr.evaluate('1 + x', {'x': 1})",
}


def figure(samples: list[float]) -> dict[str, float]:
    """Return median and spread."""
    if len(samples) < 2:
        return {"median": samples[0], "spread": 0.0}
    low, middle, high = statistics.quantiles(samples, n=4)
    return {"median": middle, "spread": (high - low) / 2}


def race(rounds: int) -> dict[str, Any]:
    """Measure everyone; return figures by contender and reasons for what is missing."""
    found: dict[str, Samples] = {contender: {} for contender in CONTENDERS}
    missing: dict[str, str] = {}
    loading: Samples = {}
    for _ in range(rounds):
        for contender in CONTENDERS:
            if contender in missing:
                continue
            print(f"measuring {contender}", file=sys.stderr, flush=True)
            one = in_process(contender)
            for what, samples in one["samples"].items():
                found[contender].setdefault(what, []).extend(samples)
            if "error" in one:
                missing[contender] = one["error"]
        for what, program in IMPORTED.items():
            loading.setdefault(what, []).extend(imports(program))
    return {
        "machine": machine(),
        "figures": {
            contender: {what: figure(samples) for what, samples in whats.items()}
            for contender, whats in found.items()
        },
        "import": {what: figure(samples) for what, samples in loading.items()},
        "missing": missing,
    }


def machine() -> dict[str, Any]:
    """Return where this was measured."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def bars(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each bar: what it is about, its limit, what was measured, in microseconds."""
    result = []

    def add(what: str, limit: float, value: float, unit: str = "µs") -> None:
        met = value <= limit
        result.append({"what": what, "limit": limit, "value": value, "unit": unit, "met": met})

    floor = growths(found, "plain Python")
    for contender in OURS:
        at = {what: one["median"] for what, one in found["figures"][contender].items()}
        label = "" if contender == "dagnats" else " (no types)"
        for stage, limit in (("parse", PARSE_US), ("check", CHECK_US)):
            measures = [value for what, value in at.items() if what.startswith(stage)]
            if measures:
                add(f"{stage} E1 to E5, slowest{label}", limit, max(measures))
        add(f"evaluate E1{label}", E1_US, at[f"evaluate E1 {ITEMS}"])
        for name in LISTS:
            for items in SIZES[1:]:
                value = at[f"evaluate {name} {items}"] * ITEMS / items
                add(f"evaluate {name}, {items:,} items, per 1,000{label}", PER_THOUSAND_US, value)
            growth = growths(found, contender)[name] / floor[name]
            add(f"evaluate {name}, growth to 100,000 : of plain Python{label}", LINEAR, growth, "")
    add("import dagnats.expr", IMPORT_MS, found["import"]["import dagnats.expr"]["median"], "ms")
    return result


def growths(found: dict[str, Any], contender: str) -> dict[str, float]:
    """Return how many times more an item costs among 100,000 than among 1,000."""
    at = found["figures"][contender]
    ends = (SIZES[-1], ITEMS)
    return {name: per(at, name, ends[0]) / per(at, name, ends[1]) for name in LISTS}


def per(at: dict[str, dict[str, float]], name: str, items: int) -> float:
    """Return the microseconds an item."""
    return at[f"evaluate {name} {items}"]["median"] / items


def shown(one: dict[str, float] | None) -> str:
    """Return a figure with its spread."""
    if one is None:
        return "-"
    digits = max(0, 2 - len(str(int(one["median"])))) + (one["median"] < 1)
    return f"{one['median']:,.{digits}f} ±{one['spread']:,.{digits}f}"


def table(found: dict[str, Any]) -> Iterator[str]:
    """Return the lines of the report."""
    where = found["machine"]
    yield f"{where['system']}, {where['cores']} cores, {where['python']}; µs, median ± spread"
    for stage in ("parse", "check", "compile"):
        yield from rows(stage, [f"{stage} {name}" for name in EXPRESSIONS], found)
    whats = [f"evaluate {name} {ITEMS}" for name in EXPRESSIONS]
    yield from rows(f"evaluate, {ITEMS:,} items", whats, found)
    for name in LISTS:
        whats = [f"evaluate {name} {items}" for items in SIZES]
        yield from rows(f"evaluate {name}, by items", whats, found)
    yield ""
    for what, one in found["import"].items():
        yield f"{what}: {shown(one)} ms"
    for contender, reason in found["missing"].items():
        yield f"{contender} is missing rows: {reason}"
    yield ""
    for bar in bars(found):
        verdict = "met" if bar["met"] else "MISSED"
        digits = 2 if bar["value"] < 10 else 0
        measure = f"{bar['value']:,.{digits}f} ≤ {bar['limit']:g} {bar['unit']}".rstrip()
        yield f"{verdict:6}  {bar['what']}: {measure}"


def rows(title: str, whats: list[str], found: dict[str, Any]) -> Iterator[str]:
    """Return one table: a contender a row."""
    heads = [what.split()[-1] if "by items" in title else what.split()[1] for what in whats]
    yield ""
    yield f"{title:28}" + "".join(f"{head:>20}" for head in heads)
    for contender, figures in found["figures"].items():
        if any(what in figures for what in whats):
            cells = "".join(f"{shown(figures.get(what)):>20}" for what in whats)
            yield f"{contender:28}{cells}"


def main() -> int:
    """Measure and print; exit 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    parser.add_argument("--only", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measured(options.only)))
        return 0
    found = race(options.rounds)
    if options.json:
        print(json.dumps(found | {"bars": bars(found)}, ensure_ascii=False, indent=2))
    else:
        print("\n".join(table(found)))
    return 0 if all(bar["met"] for bar in bars(found)) else 1


if __name__ == "__main__":
    sys.exit(main())
