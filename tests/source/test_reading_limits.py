"""However large, deep or broken a text is: findings or a document, within a ceiling of memory."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

CEILING = 256 * 1024 * 1024
"""What reading may take beside what the interpreter and its libraries have mapped."""

BYTES = 4_194_304
TEXTS = {
    "random bytes": "random.Random(1).randbytes(3_000_000).decode('latin-1')",
    "random signs": "''.join(random.Random(2).choices('a:-?[]{},&*!|>#%@\\'\" \\n', k=500_000))",
    "as many nodes as may be": "'a:\\n' + '- b\\n' * 249_000",
    "as many keys as may be": "''.join(f'k{n}: v\\n' for n in range(124_000))",
    "too many nodes": "'[' + 'a,' * 600_000 + ']'",
    "brackets": "'[' * BYTES",
    "braces": "'{a: ' * (BYTES // 4)",
    "dashes": "'- ' * (BYTES // 2)",
    "questions": "'? ' * (BYTES // 2)",
    "lines": "'a: &x b\\n' + '\\n' * (BYTES - 10)",
    "comments, then broken": "'a: b\\n' + '#\\n' * (BYTES // 2 - 10) + '  c: d'",
    "a huge text": "'a: ' + 'x' * (BYTES - 10)",
    "a huge block": "'a: |\\n' + '  x\\n' * (BYTES // 4 - 10)",
    "an open quote": "'a: \"' + 'x\\n' * (BYTES // 2 - 10)",
    "a bomb": "'a0: &a0 [x]\\n' + ''.join(f'a{n}: &a{n} [*a{n-1},*a{n-1}]\\n' for n in range(1,9))",
    "merges": "'x: &x {a: 1}\\na:\\n' + '- {<<: *x}\\n' * 30_000",
    "anchors": "''.join(f'k{n}: &a{n} v\\n' for n in range(100_000))",
    "hints": "'a:\\n' + '- no\\n' * 240_000",
    "JSON with comments": "'{\"a\": [' + '1, // x\\n' * (BYTES // 8 - 10) + ']}'",
    "JSON with open quotes": '\'{"a": \' + "\'\\\\" * (BYTES // 2 - 10)',
    "JSON of brackets": "'{\"a\": ' + '[' * (BYTES - 10)",
}
PROGRAM = """\
import random, resource
from dagnats.diagnostics.diagnostic import Sink
from dagnats.source.reader import read
BYTES = {bytes}
sink = Sink()
read("a: [1]", "a.yaml", Sink())
read("a: {{b: @c}}", "a.json", Sink())
mapped = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + {ceiling},) * 2)
text = {text}
document = read(text, "a.yaml", sink)
assert document is not None or sink.has_errors
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts what Linux has mapped")
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_reading_stays_within_its_memory(text):
    program = PROGRAM.format(bytes=BYTES, ceiling=CEILING, text=text)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr[-2000:]
