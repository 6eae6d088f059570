"""The language as data: every block and key, with what it means."""

from dagnats.lang.definitions.configs import CONFIG_BLOCKS
from dagnats.lang.definitions.document import DOCUMENT_BLOCKS
from dagnats.lang.definitions.policies import POLICY_BLOCKS
from dagnats.lang.definitions.repetition import REPETITION_BLOCKS
from dagnats.lang.definitions.steps import STEP_BLOCKS
from dagnats.lang.definitions.triggers import TRIGGER_BLOCKS
from dagnats.lang.keys import Block

BLOCKS: dict[str, Block] = {
    block.name: block
    for blocks in (
        DOCUMENT_BLOCKS,
        STEP_BLOCKS,
        REPETITION_BLOCKS,
        CONFIG_BLOCKS,
        POLICY_BLOCKS,
        TRIGGER_BLOCKS,
    )
    for block in blocks
}
"""Every block by its name; `workflow` is the document."""
