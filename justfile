# The front door. `just` alone lists the recipes.

_default:
    @{{ just_executable() }} --list --unsorted

# Compile everything.
build:
    cargo build --workspace --all-targets

# Run the ordinary tests, the house rules among them.
test *args:
    cargo test {{ args }}

# Exactly what CI runs.
check:
    .ci/run

# Format all code.
fmt:
    cargo fmt --all

# Lints; a warning is an error.
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# House rules: arrows, core bans, citations, lengths, habits, documents.
tidy *args:
    cargo xtask tidy {{ args }}

# Replay a historic crash, e.g. `just drill october-2025 --rules static`.
drill name="october-2025" *args:
    cargo run --release -- drill run {{ name }} {{ args }}

# Measure functions of the core beside their naive twins, then the whole engine.
bench *args:
    cargo bench -p lab --bench core
    cargo run --release -- bench {{ args }}

# Plant bugs in the core and see whether its tests catch them (needs cargo-mutants; hours).
mutants *args:
    cargo mutants --package clearing {{ args }}

# Licences, sources and advisories of the dependencies, when cargo-deny is installed.
deny:
    @if command -v cargo-deny > /dev/null; then cargo deny check; else echo "skipped: cargo-deny is not installed"; fi
