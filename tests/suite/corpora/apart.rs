//! A process of its own for a corpus: an overflowing stack or a hang ends that process and not the suite, and its peak of
//! memory is its own.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Tells the test that it is the process of its own.
const CHILD: &str = "LOCKSTEP_CORPUS";

/// What begins the line that says how much memory was used.
const PEAK: &str = "peak memory in KiB: ";

/// No corpus takes a tenth of it, on a machine that does nothing else.
const WITHIN: Duration = Duration::from_secs(240);

/// Runs a test in a process of its own: `apart!(name_of_the_test, MiB, || work)`.
macro_rules! apart {
    ($test:ident, $mib:expr, $work:expr) => {
        crate::corpora::apart::run(concat!(module_path!(), "::", stringify!($test)), $mib, $work)
    };
}
pub(super) use apart;

pub(super) fn run(test: &str, mib: u64, work: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        work();
        println!("\n{PEAK}{}", peak().unwrap_or(0));
        return;
    }
    let test = test.split_once("::").expect("the crate stands first").1;
    let child = Command::new(std::env::current_exe().expect("this very program"))
        .args([test, "--exact", "--nocapture", "--test-threads", "1"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.expect("a process");
    // Both pipes end when the process does, unless it hangs.
    let (ended, end) = mpsc::channel();
    let errors = read(child.stderr.take(), ended.clone());
    let printed = read(child.stdout.take(), ended);
    let hangs = (0..2).any(|_| end.recv_timeout(WITHIN).is_err());
    if hangs {
        child.kill().expect("a child");
    }
    let status = child.wait().expect("a child");
    let [printed, errors] = [printed, errors].map(|text| text.join().expect("a thread"));
    assert!(!hangs, "{test} hangs: {printed}\n{errors}");
    assert!(status.success(), "{test} ended with {status}: {printed}\n{errors}");
    let line = printed.lines().find_map(|line| line.strip_prefix(PEAK)).expect("how much memory it used");
    let used: u64 = line.trim().parse().expect("a number");
    assert!(used <= mib * 1024, "{test} used {used} KiB, and may use {mib} MiB");
}

/// Reads a pipe to its end, and says when that is.
fn read(pipe: Option<impl Read + Send + 'static>, ended: mpsc::Sender<()>) -> JoinHandle<String> {
    let mut pipe = pipe.expect("it was asked for");
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // What was read until then is all that there is to be said.
        let _ = pipe.read_to_end(&mut text);
        let _ = ended.send(());
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// The most memory that this process ever had, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[test]
fn a_corpus_that_fails_is_noticed() {
    let panics = || {
        if std::env::var_os(CHILD).is_some() {
            panic!("as a target does");
        }
    };
    let noticed = std::panic::catch_unwind(|| apart!(a_corpus_that_fails_is_noticed, 1_000, panics));
    assert!(noticed.is_err());
}

#[test]
fn a_corpus_that_takes_too_much_memory_is_noticed() {
    let takes = || drop(std::hint::black_box(vec![1u8; 300 << 20]));
    let noticed =
        std::panic::catch_unwind(|| apart!(a_corpus_that_takes_too_much_memory_is_noticed, 200, takes));
    // In the process of its own nothing is asserted: it only takes the memory.
    assert!(noticed.is_err() || std::env::var_os(CHILD).is_some() || peak().is_none());
}
