//! Tells a process from its forked children, without a system call each time.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "a page that the kernel wipes in forked children; its proof is beside it")
)]

/// A number that is this process's own: no forked child gets the same as its parent had.
pub(crate) fn process() -> u64 {
    #[cfg(target_os = "linux")]
    if let Some(number) = marked::process() {
        return number;
    }
    u64::from(std::process::id())
}

#[cfg(target_os = "linux")]
mod marked {
    use std::ptr;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

    /// The mark lies alone on this many bytes; the kernel rounds up to a page.
    const PAGE_BYTES: usize = 4096;

    /// On a page that reads as zero in a forked child (`MADV_WIPEONFORK`, Linux 4.14). `None` where there is no such page.
    static MARK: LazyLock<Option<&AtomicU64>> = LazyLock::new(page);

    /// The last number given, here or in the process this one was forked from. Upper half, so as not to be the id of a process.
    static LAST: AtomicU64 = AtomicU64::new(1 << 32);

    /// The number on the page; a process that finds none writes the next.
    pub(super) fn process() -> Option<u64> {
        let mark = (*MARK)?;
        let number = mark.load(Ordering::Relaxed);
        if number != 0 {
            return Some(number);
        }
        let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        Some(match mark.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => next,
            Err(written) => written,
        })
    }

    fn page() -> Option<&'static AtomicU64> {
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a null hint lets the kernel choose where, so no mapping of anyone's is replaced.
        let page = unsafe { mmap_anonymous(ptr::null_mut(), PAGE_BYTES, protection, flags) }.ok()?;
        // SAFETY: the range is the mapping just made, which nobody else knows; wiping it in a child changes nothing here.
        if unsafe { madvise(page, PAGE_BYTES, Advice::LinuxWipeOnFork) }.is_err() {
            // SAFETY: the same mapping, to which there is no reference. If it fails the page is leaked.
            let _ = unsafe { munmap(page, PAGE_BYTES) };
            return None;
        }
        // SAFETY: the mapping is readable, writable, zeroed, aligned to a page and never unmapped from here on, and it is
        // only touched through this atomic. The kernel's wipe happens in a child before it runs.
        Some(unsafe { AtomicU64::from_ptr(page.cast()) })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_keeps_its_number() {
        let here = super::process();
        assert_eq!(std::thread::spawn(super::process).join().unwrap(), here);
    }
}
