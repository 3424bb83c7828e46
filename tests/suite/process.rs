//! The binary as a process: started, heard, stopped, frozen and killed from outside, as an operating system would.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// No step takes longer, however busy the machine is.
pub const WITHIN: Duration = Duration::from_secs(60);

/// The binary under test: the one of this build, or the one that `LOCKSTEP_BINARY` names (a release build).
pub fn binary() -> PathBuf {
    std::env::var_os("LOCKSTEP_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_lockstep").into(), PathBuf::from)
}

/// A number that the environment may set for a long run.
pub fn setting<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// A process that runs, or has run. It is killed when this is dropped.
pub struct Process {
    child: Killer,
    lines: Receiver<String>,
    address: Option<String>,
}

/// What can kill it from anywhere, such as from within a call that it makes.
#[derive(Clone)]
pub struct Killer(Arc<Mutex<Child>>);

impl Killer {
    /// kill -9. Returns once the process is gone, so that nothing it does comes later.
    pub fn kill(&self) {
        let mut child = self.child();
        // An error means that it is gone already.
        let _ = child.kill();
        child.wait().unwrap();
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A daemon that ended by itself.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// What it said on standard error.
    pub words: String,
}

impl Process {
    /// Starts `lockstep run` with these variables over the configuration.
    pub fn start(config: &Path, variables: &[(&str, &str)]) -> Process {
        let mut command = Command::new(binary());
        command.args(["run", "-c"]).arg(config).envs(variables.iter().copied());
        Process::of(command)
    }

    /// A process of one's own making. What it says on standard error is kept for its end.
    pub fn of(mut command: Command) -> Process {
        command.stderr(Stdio::piped());
        Process::heard(command)
    }

    /// The same, of which only standard output is heard.
    pub fn heard(mut command: Command) -> Process {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (send, lines) = channel();
        // Read to the end, or the daemon would stand still once the pipe is full.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        Process { child: Killer(Arc::new(Mutex::new(child))), lines, address: None }
    }

    /// Waits until its port is open, which is after the store was opened.
    ///
    /// # Errors
    /// When it ends instead.
    ///
    /// # Panics
    /// When it takes what a kill left for damage, and puts an older store in its place.
    pub fn up(&mut self) -> Result<(), Ended> {
        match self.hears_one_of(&["admin.listening", "store.rebuilt"], WITHIN) {
            Some(line) if line["event"] == "store.rebuilt" => panic!("a kill is no damage: {line}"),
            Some(line) => {
                self.address = line["address"].as_str().map(str::to_owned);
                Ok(())
            }
            None => Err(self.ended_within(WITHIN).unwrap_or_else(|| panic!("it neither serves nor ends"))),
        }
    }

    /// Where its admin port listens.
    pub fn address(&self) -> &str {
        self.address.as_deref().unwrap_or_else(|| panic!("it is not up"))
    }

    /// The next line of this event, if it comes; what is said before it is passed over.
    pub fn hears(&self, event: &str, within: Duration) -> Option<Value> {
        self.hears_one_of(&[event], within)
    }

    fn hears_one_of(&self, events: &[&str], within: Duration) -> Option<Value> {
        let until = Instant::now() + within;
        while let Some(line) = self.line(until.saturating_duration_since(Instant::now())) {
            // The last line of one that was killed may be cut off.
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            if value["event"].as_str().is_some_and(|event| events.contains(&event)) {
                return Some(value);
            }
        }
        None
    }

    /// The next line that it prints, if one comes.
    pub fn line(&self, within: Duration) -> Option<String> {
        self.lines.recv_timeout(within).ok()
    }

    /// What kills it.
    pub fn killer(&self) -> Killer {
        self.child.clone()
    }

    /// kill -9.
    pub fn kill(&self) {
        self.child.kill();
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.child().id()
    }

    /// Sends it a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(sent.success(), "kill -{name}");
    }

    /// How it ended, if it does so in time.
    pub fn ended_within(&self, within: Duration) -> Option<Ended> {
        let until = Instant::now() + within;
        loop {
            let mut child = self.child.child();
            if let Some(status) = child.try_wait().unwrap() {
                let mut words = String::new();
                if let Some(mut stderr) = child.stderr.take() {
                    stderr.read_to_string(&mut words).unwrap_or_default();
                }
                return Some(Ended { status, words });
            }
            drop(child);
            if Instant::now() >= until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGTERM: it must end well, and in the ten seconds that are promised.
    pub fn stops_well(&self) {
        self.signal("TERM");
        let ended = self.ended_within(Duration::from_secs(10));
        let ended = ended.unwrap_or_else(|| panic!("it goes on 10 s after SIGTERM"));
        assert!(ended.status.success(), "after SIGTERM: {ended:?}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill();
    }
}
