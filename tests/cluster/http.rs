//! Just enough HTTP to ask a pod something, once or all the time.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The body of `GET /` there.
pub(crate) fn get(address: &str) -> Result<String, String> {
    let to = Target { address: address.to_owned(), host: String::new(), path: "/".to_owned() };
    to.get(Duration::from_secs(3))
}

/// What is asked, where, and by which name.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub address: String,
    pub host: String,
    pub path: String,
}

impl Target {
    /// The body that comes with status 200, each part of it within `patience`.
    pub(crate) fn get(&self, patience: Duration) -> Result<String, String> {
        let Target { address, host, path } = self;
        let to: SocketAddr = address.parse().map_err(|e| format!("{address}: {e}"))?;
        let failed = |e: std::io::Error| format!("{address}: {e}");
        let mut stream = TcpStream::connect_timeout(&to, patience).map_err(failed)?;
        stream.set_read_timeout(Some(patience)).map_err(failed)?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes()).map_err(failed)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(failed)?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.contains(" 200 ") => Ok(body.trim().to_owned()),
            _ => Err(format!("{address} answered {answer:?}")),
        }
    }
}

/// Requests one after the other, each on a connection of its own, to every
/// target at the same time, until it is ended.
pub(crate) struct Traffic {
    over: Arc<AtomicBool>,
    asking: Vec<JoinHandle<Vec<Result<String, String>>>>,
}

impl Traffic {
    pub(crate) fn start(targets: &[Target]) -> Traffic {
        let over = Arc::new(AtomicBool::new(false));
        let ask = |target: &Target| {
            let (target, over) = (target.clone(), over.clone());
            std::thread::spawn(move || {
                let mut answers = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    answers.push(target.get(Duration::from_secs(10)));
                    std::thread::sleep(Duration::from_millis(10));
                }
                answers
            })
        };
        let asking = targets.iter().map(ask).collect();
        Traffic { over, asking }
    }

    /// Ends it. Not one request may have failed; returns the distinct bodies
    /// that came from each target.
    pub(crate) fn end(self) -> Vec<BTreeSet<String>> {
        self.over.store(true, Ordering::Relaxed);
        let of_one = |answers: Vec<Result<String, String>>| {
            let count = answers.len();
            let (good, failed): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
            assert!(failed.is_empty(), "{} of {count} failed: {failed:?}", failed.len());
            println!("    {count} requests, none failed");
            good.into_iter().flatten().collect()
        };
        self.asking.into_iter().map(|thread| of_one(thread.join().unwrap())).collect()
    }
}

/// A port of this host that nobody uses now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The wanted port of all addresses, or a free one where it is taken.
pub(crate) fn free_or(port: u16) -> u16 {
    if TcpListener::bind(("0.0.0.0", port)).is_ok() { port } else { free_port() }
}
