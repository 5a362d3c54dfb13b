//! When certificates expire.

use x509_parser::pem::Pem;

use super::finding::{Finding, in_node};
use crate::text;

const DAY: i64 = 24 * 60 * 60;
/// Days that should be left.
const ENOUGH: i64 = 30;
/// Names of files that are shown; others are counted.
const NAMES: usize = 2;
const ANEW: &str = "delete the cluster and create it again";

/// A file with certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Its path in the node.
    pub path: String,
    /// When the first of them expires, in seconds since 1970; or why that is not known.
    pub expires: Result<i64, String>,
}

impl Certificate {
    /// Reads certificates in PEM.
    pub(super) fn read(path: &str, text: &str) -> Certificate {
        let expiry = |pem: Result<Pem, x509_parser::error::PEMError>| {
            let pem = pem.map_err(|error| error.to_string())?;
            let certificate = pem.parse_x509().map_err(|error| error.to_string())?;
            Ok(certificate.validity().not_after.timestamp())
        };
        let all: Result<Vec<i64>, String> =
            Pem::iter_from_buffer(text.as_bytes()).map(expiry).collect();
        let expires = all.and_then(|all| all.into_iter().min().ok_or("no certificate".to_owned()));
        Certificate { path: path.to_owned(), expires }
    }

    /// Who renews it.
    fn renewal(&self) -> Renewal {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        match name {
            "kubelet.crt" => Renewal::KubeletServer,
            "kubelet-client-current.pem" => Renewal::KubeletClient,
            _ if name.ends_with("ca.crt") => Renewal::Never,
            _ => Renewal::Kubeadm,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    Kubeadm,
    /// It makes a new one when there is none.
    KubeletServer,
    /// The kubelet renews it in time, as long as it is valid.
    KubeletClient,
    /// Everything is signed by an authority.
    Never,
}

impl Renewal {
    fn remedy(self, node: &str, has_expired: bool) -> String {
        let restart = format!("docker restart {node}");
        match self {
            Renewal::Kubeadm => {
                let renew = in_node(node, "kubeadm certs renew all");
                format!("renew them, then export the kubeconfig again: {renew} && {restart}")
            }
            Renewal::KubeletServer => {
                let path = "/var/lib/kubelet/pki/kubelet";
                let remove = in_node(node, &format!("rm {path}.crt {path}.key"));
                format!("{remove} && {restart}")
            }
            Renewal::KubeletClient if !has_expired => restart,
            Renewal::KubeletClient | Renewal::Never => ANEW.to_owned(),
        }
    }
}

/// The certificates of a node that have expired or soon will; `now` is in seconds since
/// 1970.
pub(super) fn findings(node: &str, certificates: &[Certificate], now: i64) -> Vec<Finding> {
    let ill = certificates.iter().filter_map(|certificate| {
        let kind = match &certificate.expires {
            Err(reason) => (format!("unreadable ({reason})"), true),
            Ok(expires) if *expires <= now => (expired(now - expires), true),
            Ok(expires) if *expires < now + ENOUGH * DAY => (left(expires - now), false),
            Ok(_) => return None,
        };
        Some(((kind, certificate.renewal()), certificate.path.clone()))
    });
    let finding =
        |(((what, has_expired), renewal), paths): (((String, bool), Renewal), Vec<String>)| {
            let found = format!("{what}: {}", text::listed(&paths, NAMES));
            let remedy = renewal.remedy(node, has_expired);
            let needed = format!("valid for {ENOUGH} days");
            match has_expired {
                true => Finding::error(found, &needed, remedy),
                false => Finding::warning(found, &needed, remedy),
            }
        };
    text::grouped(ill).into_iter().map(finding).collect()
}

fn expired(seconds: i64) -> String {
    match seconds / DAY {
        0 => "expired today".to_owned(),
        1 => "expired 1 day ago".to_owned(),
        days => format!("expired {days} days ago"),
    }
}

fn left(seconds: i64) -> String {
    match seconds / DAY {
        0 => "expires within a day".to_owned(),
        1 => "expires in 1 day".to_owned(),
        days => format!("expires in {days} days"),
    }
}
