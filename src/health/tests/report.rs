//! What a node reports, and its certificates.

use super::*;

#[test]
fn a_report_is_read() {
    let report = Report::read(&well()).unwrap();
    assert!(report.failed_units.is_empty());
    assert_eq!(report.disk, Some(Disk { free: 182_500_208, inodes_used: 8 }));
    assert_eq!(report.memory, Some(17_220_748));
    let paths: Vec<&str> = report.certificates.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["/etc/kubernetes/pki/apiserver.crt", "/etc/kubernetes/admin.conf"]);
    let expires = i64::try_from(NOW).unwrap() + 364 * DAY + 60;
    assert_eq!(report.certificates[0].expires, Ok(expires));
    let answer = report.api_server.unwrap();
    assert_eq!((answer.status, answer.text.lines().next()), (200, Some("[+]ping ok")));
    assert_eq!(report.service.unwrap().status, 200);
    assert_eq!((report.balancer, report.dns_server.as_deref()), (None, Some("10.96.0.10")));
    let pod =
        Lookup { by_pod: true, name: "kubernetes.default.svc.cluster.local".into(), found: true };
    assert_eq!((report.lookups.len(), &report.lookups[2]), (3, &pod));
    assert!(Report::read("sh: 1: df: not found").is_err());
    let none = Report::read("\u{1e}answer service\n\n000\n\u{1e}disk\n- - - - - -\n").unwrap();
    assert_eq!((none.service.unwrap().status, none.disk), (0, None));
}

#[test]
fn certificates_are_judged_by_the_days_that_are_left() {
    let now = i64::try_from(NOW).unwrap();
    let path = "/etc/kubernetes/pki/apiserver.crt";
    for (text, expected) in [
        (pem(31), None),
        (pem(29), Some((Outcome::Warning, "expires in 29 days: "))),
        (pem(0), Some((Outcome::Warning, "expires within a day: "))),
        (pem(-3), Some((Outcome::Error, "expired 2 days ago: "))),
        // A bundle is as good as its worst.
        (pem(300) + &pem(1), Some((Outcome::Warning, "expires in 1 day: "))),
        (String::new(), Some((Outcome::Error, "unreadable (no certificate): "))),
    ] {
        let found = certificate::findings("n", &[Certificate::read(path, &text)], now);
        let found: Vec<_> = found.iter().map(|f| (f.outcome, f.found.as_str())).collect();
        let expected = expected.map(|(outcome, start)| (outcome, format!("{start}{path}")));
        assert_eq!(found, expected.iter().map(|(o, t)| (*o, t.as_str())).collect::<Vec<_>>());
    }
}

#[test]
fn who_renews_a_certificate_decides_what_mends_it() {
    let now = i64::try_from(NOW).unwrap();
    for (path, days, remedy) in [
        ("/etc/kubernetes/pki/apiserver.crt", -1, "kubeadm certs renew all"),
        ("/etc/kubernetes/admin.conf", 3, "kubeadm certs renew all"),
        ("/etc/kubernetes/pki/etcd/ca.crt", 3, "create it again"),
        ("/etc/kubernetes/pki/front-proxy-ca.crt", -1, "create it again"),
        ("/var/lib/kubelet/pki/kubelet.crt", -1, "rm /var/lib/kubelet/pki/kubelet.crt"),
        ("/var/lib/kubelet/pki/kubelet-client-current.pem", 3, "docker restart n"),
        ("/var/lib/kubelet/pki/kubelet-client-current.pem", -1, "create it again"),
    ] {
        let found = certificate::findings("n", &[Certificate::read(path, &pem(days))], now);
        assert!(found[0].remedy.contains(remedy), "{path}: {}", found[0].remedy);
    }
}
