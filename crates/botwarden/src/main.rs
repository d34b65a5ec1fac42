//! The program. Everything it does is in the library beside it.

fn main() -> std::process::ExitCode {
    botwarden::run(std::env::args_os())
}
