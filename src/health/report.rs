//! What the script finds in a node: its report, read.

use super::certificate::Certificate;
use crate::components::Down;
use crate::text;

/// A node of which the container runs, examined.
#[derive(Debug)]
pub(super) struct Examination {
    /// Its name.
    pub node: String,
    /// Or why there is none.
    pub report: Result<Report, String>,
    /// Its components that do not run; `None` if that could not be found out.
    pub down: Option<Vec<Down>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Report {
    /// Units of systemd that have failed.
    pub failed_units: Vec<String>,
    /// Of the file system at `/var`.
    pub disk: Option<Disk>,
    /// Memory in KiB that programs can still get.
    pub memory: Option<u64>,
    pub certificates: Vec<Certificate>,
    /// Of the API server in this node; workers have none.
    pub api_server: Option<Response>,
    /// Of the API balancer, and of the Service `kubernetes`, if this node was to ask.
    pub balancer: Option<Response>,
    pub service: Option<Response>,
    /// The DNS server that the kubelet gives pods.
    pub dns_server: Option<String>,
    pub lookups: Vec<Lookup>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disk {
    /// KiB that are free.
    pub free: u64,
    /// Percent of the inodes that are used; 0 where there is no limit.
    pub inodes_used: u64,
}

/// What an HTTP server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    /// 0 without an answer.
    pub status: u16,
    pub text: String,
}

/// A name that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lookup {
    /// In the network of a pod, or in that of the node.
    pub by_pod: bool,
    pub name: String,
    pub found: bool,
}

impl Report {
    /// Reads what the script prints.
    ///
    /// # Errors
    /// Returns a message if that is no report at all.
    pub(super) fn read(text: &str) -> Result<Report, String> {
        let mut report = Report::default();
        let mut is_report = false;
        for (title, text) in text::sections(text) {
            is_report = true;
            match title[..] {
                ["units"] => {
                    report.failed_units = text.split_whitespace().map(str::to_owned).collect()
                }
                ["disk"] => report.disk = disk(text),
                ["memory"] => report.memory = available(text),
                ["certificate", path] => report.certificates.push(Certificate::read(path, text)),
                ["answer", "api-server"] => report.api_server = Some(response(text)),
                ["answer", "balancer"] => report.balancer = Some(response(text)),
                ["answer", "service"] => report.service = Some(response(text)),
                ["dns", server] => {
                    report.dns_server = Some(server.to_owned());
                    report.lookups = text.lines().filter_map(lookup).collect();
                }
                _ => {}
            }
        }
        if is_report { Ok(report) } else { Err("its programs print nothing".to_owned()) }
    }
}

/// From the last lines of `df -Pk` and `df -Pi`.
fn disk(text: &str) -> Option<Disk> {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let free = lines.next()?.split_whitespace().nth(3)?.parse().ok()?;
    let inodes = lines.next().and_then(|line| line.split_whitespace().nth(4));
    let used = inodes.and_then(|percent| percent.trim_end_matches('%').parse().ok());
    Some(Disk { free, inodes_used: used.unwrap_or(0) })
}

/// From `/proc/meminfo`.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn response(text: &str) -> Response {
    let text = text.trim_end();
    let (text, status) = text.rsplit_once('\n').unwrap_or(("", text));
    Response { status: status.parse().unwrap_or(0), text: text.trim().to_owned() }
}

fn lookup(line: &str) -> Option<Lookup> {
    let [from, name, found] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
    Some(Lookup { by_pod: from == "pod", name: name.to_owned(), found: found == "yes" })
}
