//! The runtime of the process.

use std::process::ExitCode;

/// Runs what waits for files, sockets and the clock, and ends with it: what is not done by then is not waited for. A file on a mount that
/// hangs, a lock that another process holds, or a name server that does not answer would keep the process for ever.
pub(crate) fn run(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(command);
    runtime.shutdown_background();
    done
}
