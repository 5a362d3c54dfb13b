//! The program `skiff`; [`skiff::cli`] is all of it.

fn main() -> std::process::ExitCode {
    skiff::cli::main()
}
