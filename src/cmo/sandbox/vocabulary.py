"""Words that repositories, organisations and their texts are made of."""

from __future__ import annotations

from cmo.sandbox.dice import Weighted


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ORG_HEADS = _words(
    "quill amber north copper velvet harrow silver marble cedar onyx lumen tidal ember prism raven saffron willow"
    " zephyr cobalt dune fable garnet hollow indigo juniper kestrel larch mosaic nimbus opal"
)
ORG_TAILS = _words("harrow works forge loop grid stack yard dock lab point shore field")
TLDS: Weighted[str] = Weighted((("com", 40), ("io", 22), ("dev", 16), ("ai", 9), ("co", 5), ("org", 4), ("net", 4)))

PROJECT_HEADS = _words(
    "py fast tiny hyper snap test lint flake mock cover trace bench async data web auto doc type task flow pipe queue"
    " cache graph log meta micro mini multi net open pico pro quick rapid safe smart spec super turbo ultra uni vault"
    " zen aqua bolt crisp dash echo flux glide hive iris jolt kite lumo"
)
PROJECT_TAILS = _words(
    "runner kit check guard probe suite case fixture assert report watch matrix harness shot diff fuzz tap scan gate"
    " box hub lab mark mate mill nest pad path peek plan pool port rack ray rig ring sage seed sift span spy tool"
    " trail vue warp wire zap"
)

LICENSES: Weighted[tuple[str, str, str] | None] = Weighted(
    (
        (("mit", "MIT License", "MIT"), 52),
        (("apache-2.0", "Apache License 2.0", "Apache-2.0"), 20),
        (("bsd-3-clause", 'BSD 3-Clause "New" or "Revised" License', "BSD-3-Clause"), 9),
        (("gpl-3.0", "GNU General Public License v3.0", "GPL-3.0"), 6),
        (("other", "Other", "NOASSERTION"), 4),
        (None, 9),
    )
)

# fmt: off
LANGUAGES: Weighted[str | None] = Weighted(
    (
        ("TypeScript", 24), ("JavaScript", 20), ("Go", 16), ("Rust", 13), ("Java", 9), ("C++", 4), ("Ruby", 4),
        ("C#", 4), ("Shell", 2), ("Kotlin", 2), ("Jupyter Notebook", 2), (None, 3),
    )
)
"""Primary languages of the repositories that are not Python; None where GitHub detects none."""

LANGUAGE_COLORS = {
    "Python": "#3572A5", "TypeScript": "#3178c6", "JavaScript": "#f1e05a", "Go": "#00ADD8", "Rust": "#dea584",
    "Java": "#b07219", "C++": "#f34b7d", "Ruby": "#701516", "C#": "#178600", "Shell": "#89e051", "Kotlin": "#A97BFF",
    "Jupyter Notebook": "#DA5B0B", "Makefile": "#427819", "Dockerfile": "#384d54", "HTML": "#e34c26",
}

# fmt: on
MAIN_TOPICS = ("testing", "ci", "pytest", "devtools", "llm")
RELATED_TOPICS: dict[str, tuple[str, ...]] = {
    "testing": ("test-automation", "unit-testing", "mocking", "coverage", "pytest", "quality-assurance"),
    "ci": ("github-actions", "continuous-integration", "automation", "ci-cd", "gitlab-ci"),
    "pytest": ("pytest-plugin", "testing", "fixtures", "unit-testing", "coverage"),
    "devtools": ("developer-tools", "cli", "linting", "code-quality", "static-analysis", "automation"),
    "llm": ("llm-agents", "rag", "openai", "langchain", "prompt-engineering", "evaluation"),
}
"""Neighbours of each main topic, nearest first."""

OTHER_TOPICS = (
    "python",
    "python3",
    "asyncio",
    "django",
    "fastapi",
    "flask",
    "docker",
    "kubernetes",
    "typing",
    "hacktoberfest",
    "machine-learning",
    "api",
    "framework",
    "library",
    "packaging",
)

SUMMARIES = (
    "{topic} made simple for {audience}",
    "A small, fast {topic} toolkit for {audience}",
    "Opinionated {topic} helpers",
    "The missing {topic} layer for {audience}",
    "{topic} without the boilerplate",
    "Batteries-included {topic} for {audience}",
    "Lightweight {topic} engine with plugins",
    "Run {topic} jobs in parallel, deterministically",
)
AUDIENCES = ("Python", "monorepos", "data teams", "humans", "async services", "busy teams", "CI pipelines", "notebooks")

VERBS = ("Fix", "Add", "Remove", "Refactor", "Speed up", "Document", "Deprecate", "Support", "Bump", "Clean up", "Test")
OBJECTS = (
    "fixture discovery",
    "the retry loop",
    "type hints",
    "parallel runs",
    "the cache key",
    "Windows paths",
    "the CLI help",
    "flaky tests",
    "config loading",
    "the docs build",
    "error messages",
    "coverage reports",
    "the plugin API",
    "async teardown",
    "JUnit output",
    "Python 3.14 support",
    "the release workflow",
)

JOBS = (
    "Software engineer",
    "Maintainer of small things",
    "SRE",
    "Building developer tools",
    "Test automation lead",
    "Open source in my spare time",
    "Staff engineer",
    "Data engineer",
    "QA engineer, pytest fan",
    "PhD student",
    "Consultant",
    "Machine learning engineer",
    "Founder",
    "Release manager",
    "Platform team",
    "Python core sprinter",
)
