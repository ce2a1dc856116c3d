"""The words the grammar knows: languages, topics, roles, providers, and words that carry no meaning of their own."""

from __future__ import annotations

from cmo.domain.grammar.tokens import word_list
from cmo.domain.job import Role, Stage

LANGUAGES: dict[str, str] = {
    **{name: name for name in word_list(
        "python javascript typescript go ruby rust java kotlin scala swift php perl lua elixir erlang haskell ocaml"
        " clojure groovy julia dart zig nim crystal elm shell powershell c r d v c++ c# f# html css hcl nix fortran"
        " cobol assembly solidity vue svelte cuda matlab tcl racket scheme prolog ada pascal vhdl verilog coffeescript"
        " purescript gleam odin mojo dockerfile makefile plpgsql gdscript"
    )},
    "py": "python", "python3": "python", "python2": "python", "cpython": "python",
    "js": "javascript", "ecmascript": "javascript", "ts": "typescript", "golang": "go", "rb": "ruby", "rs": "rust",
    "rustlang": "rust", "kt": "kotlin", "cpp": "c++", "cplusplus": "c++", "csharp": "c#", "cs": "c#", ".net": "c#",
    "dotnet": "c#", "fsharp": "f#", "objc": "objective-c", "objective-c": "objective-c", "bash": "shell",
    "hs": "haskell", "ex": "elixir", "erl": "erlang", "clj": "clojure", "jl": "julia", "pl": "perl", "sh": "shell",
    "jupyter": "jupyter notebook", "ipynb": "jupyter notebook", "viml": "vim script", "vimscript": "vim script",
    "elisp": "emacs lisp", "tex": "tex", "latex": "tex",
}  # fmt: skip
"""Spellings -> GitHub's name in lower case."""

LANGUAGE_PHRASES = {
    "objective c": "objective-c", "visual basic": "visual basic .net", "jupyter notebook": "jupyter notebook",
    "jupyter notebooks": "jupyter notebook", "vim script": "vim script", "emacs lisp": "emacs lisp",
    "common lisp": "common lisp", "c sharp": "c#", "c plus plus": "c++", "f sharp": "f#", "node . js": "javascript",
}  # fmt: skip

DOUBTFUL_LANGUAGES = frozenset(
    word_list("go c r d v swift crystal elm ada scheme cs ex pl sh rs hs mojo shell assembly tex nix")
)
"""Also ordinary words or abbreviations: a language only where the neighbours say so."""

LANGUAGE_PEOPLE = {
    "pythonista": "python", "pythonistas": "python", "rustacean": "rust", "rustaceans": "rust", "gopher": "go",
    "gophers": "go", "rubyist": "ruby", "rubyists": "ruby", "pythoneers": "python",
}  # fmt: skip

TOPIC_PHRASES: dict[str, str] = {
    "machine learning": "machine-learning", "deep learning": "deep-learning", "data science": "data-science",
    "data engineering": "data-engineering", "computer vision": "computer-vision", "natural language": "nlp",
    "developer tools": "devtools", "developer tooling": "devtools", "dev tools": "devtools", "dev tooling": "devtools",
    "developer experience": "developer-experience", "github actions": "github-actions", "gitlab ci": "gitlab-ci",
    "continuous integration": "continuous-integration", "continuous delivery": "continuous-delivery",
    "static analysis": "static-analysis", "code quality": "code-quality", "code review": "code-review",
    "type checking": "type-checking", "unit testing": "unit-testing", "unit tests": "unit-testing",
    "test automation": "test-automation", "load testing": "load-testing", "end to end testing": "e2e-testing",
    "large language models": "llm", "language models": "llm", "ai agents": "ai-agents",
    "generative ai": "generative-ai", "prompt engineering": "prompt-engineering", "vector database": "vector-database",
    "ci / cd": "ci-cd", "vector databases": "vector-database", "smart contracts": "smart-contracts",
    "open telemetry": "opentelemetry", "command line": "cli", "infrastructure as code": "infrastructure-as-code",
    "supply chain": "supply-chain", "web scraping": "web-scraping", "react native": "react-native",
    "ruby on rails": "rails", "spring boot": "spring-boot", "time series": "time-series",
    "package manager": "package-manager", "package managers": "package-manager", "build system": "build-system",
    "build systems": "build-system", "message queue": "message-queue",
    "reinforcement learning": "reinforcement-learning", "web assembly": "webassembly", "web framework": "web-framework",
    "web frameworks": "web-framework", "site reliability": "sre",
}  # fmt: skip
"""Phrases -> the topic GitHub projects use."""

TOPICS: dict[str, str] = {
    **{name: name for name in word_list(
        "ci testing pytest devtools llm llms kubernetes docker terraform ansible helm django flask fastapi react"
        " angular nextjs nodejs rails laravel spring graphql grpc observability opentelemetry prometheus grafana"
        " monitoring logging tracing profiling benchmarking linting linter formatter debugger compiler parser devops"
        " devsecops mlops sre security appsec cryptography crypto cryptocurrency blockchain web3 ethereum bitcoin defi"
        " nft fintech healthtech edtech gaming gamedev bioinformatics robotics iot embedded nlp rag langchain pytorch"
        " tensorflow pandas numpy jupyter etl dbt airflow spark kafka postgres postgresql mysql sqlite mongodb redis"
        " elasticsearch orm serverless microservices wasm webassembly asyncio typing mypy ruff cli tui orchestration"
        " scraping crawler automation github-actions gitlab-ci jenkins playwright selenium cypress jest hypothesis"
        " analytics geospatial genomics quantum mlflow chatbot chatbots agents saas ecommerce seo cms wordpress"
        " flutter homelab self-hosted selfhosted privacy cybersecurity malware pentesting osint networking packaging"
        " documentation accessibility ai ml e2e cicd ci-cd"
    )},
    "llms": "llm", "k8s": "kubernetes", "node.js": "nodejs", "node": "nodejs", "next.js": "nextjs",
    "postgres": "postgresql", "ml": "machine-learning", "cicd": "ci-cd", "e2e": "e2e-testing", "linters": "linter",
    "compilers": "compiler", "parsers": "parser", "crawlers": "crawler", "tests": "testing", "test": "testing",
    "cryptocurrencies": "cryptocurrency", "blockchains": "blockchain", "clis": "cli", "devtool": "devtools",
    "selfhosted": "self-hosted", "otel": "opentelemetry",
}  # fmt: skip
"""Words -> the topic GitHub projects use, for words that are topics wherever they stand."""

IMPLIED_LANGUAGES: dict[str, tuple[str, ...]] = {
    "django": ("python",), "flask": ("python",), "fastapi": ("python",), "pytest": ("python",), "pandas": ("python",),
    "numpy": ("python",), "rails": ("ruby",), "laravel": ("php",), "wordpress": ("php",), "spring": ("java", "kotlin"),
    "spring-boot": ("java", "kotlin"), "react": ("javascript", "typescript"), "angular": ("typescript",),
    "nextjs": ("javascript", "typescript"), "nodejs": ("javascript", "typescript"),
    "jest": ("javascript", "typescript"), "react-native": ("javascript", "typescript"),
    "cypress": ("javascript", "typescript"), "mypy": ("python",), "flutter": ("dart",),
}  # fmt: skip
"""What a topic says about the language where the sentence names none."""

ROLES: dict[str, Role | None] = {
    **dict.fromkeys(word_list("maintainer maintainers owner owners committer committers releaser releasers"),
                    Role.MAINTAINER),
    **dict.fromkeys(word_list("contributor contributors author authors"), Role.CONTRIBUTOR),
    **dict.fromkeys(
        word_list(
            "people person persons dev devs developer developers engineer engineers programmer programmers coder"
            " coders hacker hackers folks folk user users lead leads prospect prospects contact contacts candidate"
            " candidates profile profiles human humans individual individuals expert experts practitioner"
            " practitioners creator creators founder founders accounts guys specialist specialists freelancer"
            " freelancers someone anyone ones email emails e-mail e-mails address addresses pythonista pythonistas"
            " rustacean rustaceans gopher gophers rubyist rubyists pythoneers"
        ), None),
}  # fmt: skip
"""Nouns for people -> the role they ask for; None is any."""

ONE_PERSON = frozenset(
    word_list(
        "email emails e-mail e-mails address addresses person contact profile account individual human user lead"
        " prospect candidate someone"
    )
)
"""Of these, the nouns that may mean one particular person: alone they do not say whom to find."""

GENERIC_PEOPLE = frozenset(word_list("people person persons candidate candidates profile profiles human humans"))
"""Nouns whose upper bound is the cap on people looked at, not the number of leads wanted."""

REPO_NOUNS = frozenset(word_list("repo repos repository repositories project projects codebase codebases"))

MAILERS = {"instantly": "instantly", "smartlead": "smartlead", "smtp": "smtp", "gmail": "gmail", "maildir": "maildir"}
CRMS = {"attio": "attio", "hubspot": "hubspot"}
CHANNELS = {
    "email": "email", "e-mail": "email", "mail": "email", "emails": "email", "sms": "sms", "texts": "sms",
    "phone": "call", "call": "call", "calls": "call", "linkedin": "linkedin",
}  # fmt: skip

STAGES: dict[str, Stage] = {stage.value: stage for stage in Stage} | {
    "discovery": Stage.DISCOVER, "search": Stage.DISCOVER, "searching": Stage.DISCOVER, "extraction": Stage.EXTRACT,
    "extracting": Stage.EXTRACT, "enrichment": Stage.ENRICH, "enriching": Stage.ENRICH, "emails": Stage.EMAILS,
    "addresses": Stage.EMAILS, "verify": Stage.MX, "verification": Stage.MX, "verifying": Stage.MX,
    "scoring": Stage.SCORE, "scores": Stage.SCORE, "drafts": Stage.DRAFT, "drafting": Stage.DRAFT,
    "approval": Stage.APPROVE, "exporting": Stage.EXPORT, "discovering": Stage.DISCOVER,
}  # fmt: skip

NEGATIONS = frozenset(
    word_list(
        "not no never without don't dont won't isn't doesn't shouldn't mustn't cannot can't aren't haven't didn't"
        " hasn't nothing none neither nor avoid skip exclude excluding except non stop"
    )
)
ONLY = frozenset(word_list("only just strictly exclusively solely purely"))
FIND_VERBS = frozenset(
    word_list(
        "find get give fetch gather collect discover source identify pull list show need want search research target"
        " grab hunt build make locate produce generate look looking discovering finding getting scout recruit surface"
    )
)

FILLERS = FIND_VERBS | frozenset(
    word_list(
        "a an the of for to and or with who whom whose that which are is be been being was were am do does did has"
        " have had having me us our we i my you your they them their it its this these those there here then than so"
        " also too as at by from in on into onto over out up via using use used uses through within per each all any"
        " every some more most other others please kindly thanks thank hi hello hey ok okay well can could would"
        " should will may might must let let's lets go want wants like looking look trying try working work works"
        " worked contribute contributes code coding writing written write writes built building builds create created"
        " maintain maintaining maintains run runs running tool tools tooling library libraries framework frameworks"
        " package packages software repo repos repository repositories project projects codebase codebases github gh"
        " open source oss open-source language languages topic topics space area field domain world community"
        " communities ecosystem stuff thing things queue enqueue enroll enrol add put push sync upload save store"
        " export prepare set call them up for about active recent recently currently actively good great best top"
        " relevant real quality high-quality new many lots number count total list csv file spreadsheet results result"
        " output sequence seq campaign crm later afterwards after when once next finally first second and/or e.g i.e"
        " etc eg ie based living located already but while if because since during mostly mainly especially"
        " particularly preferably ideally again verified valid deliverable reachable public published known unique"
        " distinct different individual asap done behind another x i'd we'd i'm i've crates gems plugin plugins modules"
        " reach interested interest focus focused focusing related regarding around concerning"
    )
)
"""Words that may stay unread without being named: they change nothing."""

THING_NOUNS = frozenset(
    word_list("tool tools tooling library libraries framework frameworks package packages plugin plugins software")
)
"""Of no meaning after what is known (`testing tools`); a part of the name after what is not (`vim plugins`)."""

TRAILING_NOUNS = frozenset(
    word_list(
        "repo repos repository repositories project projects tool tools tooling library libraries framework frameworks"
        " package packages space area field domain world community communities ecosystem stuff things thing people"
        " person folks ones topic topics industry sector companies company startups startup apps app software devs"
        " developers engineers maintainers contributors authors niche industries codebases users"
    )
)
"""Nouns that may follow an item of a list without being part of it: `crypto projects`, `testing tools`."""

NO_SUBJECT = frozenset(
    word_list(
        "wait problem problems worries worry idea matter doubt need way rush hurry mind stop ceiling approval approvals"
        " quota quotas rule rules instruction instructions previous prior caps warnings"
    )
)
"""What is said after `no` and `ignore` that is nothing a project is about."""

FOREIGN_WORDS = frozenset(
    word_list(
        "der die das den dem des ein eine einen einem einer und oder mit von vom für fur im zum zur nicht keine ohne"
        " aus bei letzten letzte letzter tagen tage finde suche le les des du une avec pour sans dans derniers los las"
        " del una unos con para sin últimos ultimos"
    )
)
"""Small words of German, French and Spanish: no topic holds them, so that a foreign phrase does not become one."""

LIST_STOPS = (
    FILLERS
    | NEGATIONS
    | ONLY
    | frozenset(MAILERS)
    | frozenset(CRMS)
    | frozenset(
        word_list(
            "star stars starred activity commits committed pushed last past days day weeks months quarter year years"
            " budget max min maximum minimum least limit send sending sent email emails mail draft drafts dry dry-run"
            " dryrun start starting starts until mode steps step keyword keywords location place german european"
            " per-day daily instead prefer preferably include including raise lower forks archived bots contact"
            " message reach score languages total general order particular parallel short fact"
        )
    )
    - frozenset(word_list("open source tools tooling library new work code software packages package"))
)
"""Words that end a list of topics or exclusions."""
