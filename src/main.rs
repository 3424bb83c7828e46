//! The `lockstep` binary.

/// The daemon runs for months in a small container: this allocator gives back what a large poll needed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    lockstep::cli::main()
}
