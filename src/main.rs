//! The `lockstep` binary.

fn main() -> std::process::ExitCode {
    lockstep::cli::main()
}
