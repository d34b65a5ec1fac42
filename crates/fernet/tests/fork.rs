//! A forked child does not draw the IVs that its parent draws.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "fork, whose child only seals, writes and exits")]

use std::io::{Read as _, Write as _};

use botwarden_fernet::{Fernet, Key};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

#[test]
fn parent_and_child_draw_different_ivs() {
    let fernet = Fernet::new(&Key::generate().unwrap());
    // The parent has drawn ahead.
    let first = fernet.encrypt(b"", 1).unwrap();
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    // SAFETY: this is the only test of its process; the child allocates, which glibc allows after fork, and leaves by
    // `_exit` without running anything of the parent's.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let token = fernet.encrypt(b"", 1).unwrap_or_default();
            let code = i32::from(writer.write_all(token.as_bytes()).is_err());
            // SAFETY: ends the child at once.
            unsafe { nix::libc::_exit(code) }
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let here = fernet.encrypt(b"", 1).unwrap();
            let mut there = String::new();
            reader.read_to_string(&mut there).unwrap();
            waitpid(child, None).unwrap();
            assert_eq!(there.len(), first.len());
            assert_ne!(here, there);
            assert_ne!(first, there);
        }
    }
}
