//! Steps: programs run one after the other, said in plain lines, until one fails.

use std::process::{Command, ExitStatus};
use std::time::Instant;

use anyhow::Context as _;

/// What has been done so far, for the closing line.
pub(crate) struct Steps {
    done: Vec<String>,
}

impl Steps {
    /// Nothing done yet.
    pub(crate) fn new() -> Self {
        Self { done: Vec::new() }
    }

    /// Runs a program whose output goes to the terminal; an error unless it exits with 0.
    pub(crate) fn run(&mut self, name: &str, mut command: Command) -> anyhow::Result<()> {
        self.step(name, &describe(&command), || {
            let status = command.status().with_context(|| format!("starting {}", describe(&command)))?;
            succeeded(status)
        })
    }

    /// Runs `work`, saying when it starts and remembering that it went well.
    pub(crate) fn step<T>(
        &mut self,
        name: &str,
        what: &str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        eprintln!("\nxtask: {name}: {what}");
        let start = Instant::now();
        let value = work().with_context(|| match self.done.as_slice() {
            [] => name.to_owned(),
            done => format!("{name} (passed before it: {})", done.join(", ")),
        })?;
        self.done.push(format!("{name} {:.0} s", start.elapsed().as_secs_f64()));
        Ok(value)
    }

    /// Says what was done.
    pub(crate) fn close(self) {
        eprintln!("\nxtask: passed: {}", self.done.join(", "));
    }
}

/// An error that names the exit code, unless it is 0.
pub(crate) fn succeeded(status: ExitStatus) -> anyhow::Result<()> {
    anyhow::ensure!(status.success(), "{status}");
    Ok(())
}

/// Whether a program can be started and exits with 0; its output is dropped.
pub(crate) fn works(mut command: Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// The command as one would type it; the program by its name alone, so that no machine's paths are printed.
pub(crate) fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let mut line = name.into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str) -> Command {
        Command::new(name)
    }

    #[test]
    fn a_failing_step_says_its_name_its_exit_code_and_what_passed_before() {
        let mut steps = Steps::new();
        steps.run("first", program("true")).unwrap();
        let error = steps.run("second", program("false")).unwrap_err();
        assert_eq!(format!("{error:#}"), "second (passed before it: first 0 s): exit status: 1");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Steps::new().run("clients", program("no-such-program-here")).unwrap_err();
        assert!(format!("{error:#}").starts_with("clients: starting no-such-program-here: "), "{error:#}");
    }

    #[test]
    fn commands_are_described_without_the_folder_of_their_program() {
        let mut command = program("/usr/bin/env");
        command.args(["a", "b"]);
        assert_eq!(describe(&command), "env a b");
    }
}
