//! What definitions and the environment ask of nodes, as nodes have it.

use std::path::Path;
use std::process::Command;

use crate::fake_node;
use crate::harness::{Lab, check, containers_of, eventually, in_node, stderr, warnings};

const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn mounts_have_any_path_and_no_directory_is_called_home() {
    fake_node::make_image();
    let name = "skiff-test-paths";
    let lab = Lab::new(&[name]);
    let folder = lab.folder.path();
    for directory in ["certs", "with: colon, comma", "home", "here"] {
        std::fs::create_dir(folder.join(directory)).unwrap();
    }
    std::fs::write(folder.join("certs/hosts.toml"), "server = \"http://registry.local:5000\"\n")
        .unwrap();
    let config = lab.write(
        "cluster.yaml",
        &format!(
            "{HEAD}nodes:
- extraMounts:
  - {{hostPath: \"{0}/certs\", containerPath: \"/certs.d/registry.local:5000\", readOnly: true}}
  - {{hostPath: \"../with: colon, comma\", containerPath: \"/x y, z:ro\"}}
  - {{hostPath: \"{0}/new: directory/a\", containerPath: /new, propagation: HostToContainer}}
  - {{hostPath: ~/data, containerPath: /data}}
  - {{hostPath: \"$HOME/more\", containerPath: /more}}
",
            folder.display()
        ),
    );
    let args = ["create", "cluster", "--name", name, "--config", &config];
    let out = lab
        .command(&[&args[..], &["--image", fake_node::IMAGE, "--wait=0s"]].concat())
        .env("HOME", folder.join("home"))
        .current_dir(folder.join("here"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", stderr(&out));
    let node = format!("{name}-control-plane");
    let hosts = in_node(&node, "cat /certs.d/registry.local:5000/hosts.toml");
    assert_eq!(hosts, "server = \"http://registry.local:5000\"\n");
    let refused = in_node(&node, "echo >/certs.d/registry.local:5000/x || echo refused");
    assert_eq!(refused, "refused\n");
    for (target, source) in [
        ("/x y, z:ro", "with: colon, comma"),
        ("/new", "new: directory/a"),
        ("/data", "home/data"),
        ("/more", "home/more"),
    ] {
        in_node(&node, &format!("echo here >'{target}/file'"));
        let written = std::fs::read_to_string(folder.join(source).join("file"));
        assert_eq!(written.unwrap(), "here\n", "{target}");
    }
    assert_eq!(std::fs::read_dir(folder.join("here")).unwrap().count(), 0);
    check("mounts with colons, commas and spaces in their paths, below ~ and $HOME");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_proxy_that_nodes_cannot_reach_is_named() {
    fake_node::make_image();
    let name = "skiff-test-proxy";
    let lab = Lab::new(&[name]);
    let warned = |proxy: &str| {
        let args = ["create", "cluster", "--name", name, "--image", fake_node::IMAGE, "--wait=0s"];
        let mut create = lab.command(&args);
        let out = create.env("HTTPS_PROXY", proxy).output().unwrap();
        assert!(out.status.success(), "{}", stderr(&out));
        lab.ok(&["delete", "cluster", "--name", name]);
        warnings(&out)
    };
    let said = warned("http://me:s3cret@localhost:3128");
    let [text] = &said[..] else { panic!("{said:?}") };
    for word in
        ["HTTPS_PROXY: nodes cannot reach http://xxxxx@localhost:3128", "let the proxy listen"]
    {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
    assert!(warned("http://10.1.2.3:3128").is_empty());
    check("a proxy on this machine's loopback address");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn ipvs_works_or_is_refused() {
    let name = "skiff-test-ipvs";
    let lab = Lab::new(&[name]);
    let config = lab.write("cluster.yaml", &format!("{HEAD}networking: {{kubeProxyMode: ipvs}}\n"));
    let out = lab.run(&["create", "cluster", "--name", name, "--config", &config]);
    if Path::new("/proc/net/ip_vs").exists() {
        assert!(out.status.success(), "{}", stderr(&out));
        assert!(warnings(&out).is_empty(), "{}", stderr(&out));
        check("kubeProxyMode: ipvs");
        return;
    }
    assert_eq!(out.status.code(), Some(4));
    let said = stderr(&out);
    assert!(said.contains("a kernel with IPVS") && said.contains("iptables or nftables"), "{said}");
    assert!(containers_of(name).is_empty(), "containers are left");
    check("kubeProxyMode: ipvs on a kernel without IPVS is refused");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn the_leaders_of_one_control_plane_have_leases() {
    let name = "skiff-test-leases";
    let lab = Lab::new(&[name]);
    lab.ok(&["create", "cluster", "--name", name]);
    let holder = |component: &str| {
        let args = ["kubectl", "--name", name, "--", "-n", "kube-system", "get", "lease"];
        let out =
            lab.run(&[&args[..], &[component, "-o=jsonpath={.spec.holderIdentity}"]].concat());
        String::from_utf8(out.stdout).unwrap()
    };
    let components = ["kube-controller-manager", "kube-scheduler"];
    let before = components.map(holder);
    let node = format!("{name}-control-plane");
    assert!(before.iter().all(|holder| holder.starts_with(&node)), "{before:?}");
    check("controller manager and scheduler hold leases");

    assert!(Command::new("docker").args(["restart", &node]).status().unwrap().success());
    for (component, before) in components.into_iter().zip(before) {
        eventually("a new leader", 90, || match holder(component) {
            now if !now.is_empty() && now != before => Ok(()),
            now => Err(format!("{component}: {now}")),
        });
    }
    check("both lead again after a restart");
}
