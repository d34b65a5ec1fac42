//! Python's `cryptography`, in a process of its own that is asked for one figure at a time.

use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use botwarden_fernet::{Age, Decoding, Fernet, Key};

use crate::measure::{Table, Target, median, ratio, time};
use crate::{NOW_S, ROUNDS};

struct Python {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    version: String,
}

impl Python {
    fn start() -> Option<Self> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or(workspace.join("target"), Into::into);
        let made = target.join("python-clients/bin/python");
        let named = std::env::var_os("FERNET_PYTHON").map(Into::into);
        let program = named.or_else(|| made.exists().then_some(made)).unwrap_or_else(|| "python3".into());
        let mut child = Command::new(program)
            .arg(workspace.join("bench/fernet_python.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (input, output) = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let mut python = Self { child, input, output, version: String::new() };
        python.version = python.line();
        (!python.version.is_empty()).then_some(python)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn ns(&mut self, what: &str, bytes: usize, calls: usize) -> f64 {
        writeln!(self.input, "{what} {bytes} {calls}").unwrap();
        self.line().parse().unwrap()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both, from the smallest message that matters to the largest.
pub(crate) fn beside(table: &mut Table) {
    let Some(mut python) = Python::start() else {
        table.note("Python's cryptography is not there: not compared");
        return;
    };
    table.heading(&format!("beside {}", python.version));
    let least = Target::AtLeast;
    for (name, len, calls, encrypt, decrypt) in [
        ("64 B", 64, 5000, least(40.0), least(60.0)),
        ("1 KiB", 1 << 10, 2000, Target::None, Target::None),
        ("64 KiB", 1 << 16, 100, Target::None, Target::None),
        ("16 MiB", 1 << 24, 2, least(5.0), least(5.0)),
    ] {
        let fernet = Fernet::new(&Key::generate().unwrap());
        let message = vec![0x5a; len];
        let token = fernet.encrypt(&message, NOW_S).unwrap();
        let (mut seal, mut open, mut seal_python, mut open_python) = (vec![], vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            seal.push(time(calls, || {
                black_box(fernet.encrypt(black_box(&message), NOW_S).unwrap());
            }));
            seal_python.push(python.ns("encrypt", len, calls));
            open.push(time(calls, || {
                black_box(fernet.decrypt(black_box(&token), Decoding::PyCompat, Age::Any).unwrap());
            }));
            open_python.push(python.ns("decrypt", len, calls));
        }
        for (what, ours, theirs, target) in
            [("encrypt", seal, seal_python, encrypt), ("decrypt", open, open_python, decrypt)]
        {
            table.row(&format!("{what} {name}: ours"), median(&ours));
            table.row(&format!("{what} {name}: Python"), median(&theirs));
            table.ratio("Python / ours", ratio(&theirs, &ours), target);
        }
    }
}
