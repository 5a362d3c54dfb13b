//! Add-ons on a real cluster: installed, looked at, broken and removed.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;

use serde_json::Value;

use crate::harness::{Lab, check, eventually, in_node, stderr};

const NAME: &str = "skiff-test-addon";
/// Two nodes, and no port of the host's for the ingress.
const TWO_NODES: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}]\n";
/// An image that every node has.
const IMAGE: &str = "docker.io/skiff/helper:node";

struct Addons {
    lab: Lab,
}

impl Addons {
    fn run(&self, args: &[&str]) -> Output {
        self.lab.run(&[&["addon"], args, &["--name", NAME]].concat())
    }

    /// What was said on stderr by a command that must work.
    fn ok(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {}", stderr(&out));
        stderr(&out)
    }

    fn refused(&self, args: &[&str], words: &[&str]) {
        let out = self.run(args);
        assert!(matches!(out.status.code(), Some(1..=8)), "{args:?}: {}", stderr(&out));
        for word in words {
            assert!(stderr(&out).contains(word), "{args:?}: {word:?} is not in {}", stderr(&out));
        }
    }

    fn status(&self) -> Vec<(String, String)> {
        let text = self.lab.ok(&["addon", "status", "-o", "json", "--name", NAME]);
        let found: Vec<Value> = serde_json::from_str(&text).unwrap();
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        found.iter().map(|addon| (word(&addon["name"]), word(&addon["state"]))).collect()
    }

    fn kubectl(&self, args: &[&str]) -> String {
        self.lab.kubectl(NAME, args)
    }

    /// Everything that is of an add-on, by its label.
    fn objects_of(&self, addon: &str) -> String {
        let kinds = "namespaces,configmaps,secrets,services,deployments,pods,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,apiservices,ingressclasses,validatingwebhookconfigurations";
        let label = format!("io.skiff.addon={addon}");
        self.kubectl(&["get", kinds, "-A", "-l", &label, "-o", "name"])
    }

    /// The example of an add-on of one's own, with an image that is there.
    fn hello(&self, change: impl Fn(String) -> String) -> String {
        let folder = self.lab.folder.path().join("hello");
        std::fs::create_dir_all(&folder).unwrap();
        for file in ["addon.yaml", "web.yaml"] {
            let path = format!("{}/configs/hello/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            let text = text.replace("docker.io/library/busybox:1.37", IMAGE);
            std::fs::write(folder.join(file), change(text)).unwrap();
        }
        format!("{}/", folder.display())
    }
}

/// Installs both add-ons of the catalogue in a cluster with a Service `web`,
/// and uses them by every address of the node that takes requests.
pub(crate) fn both_work(lab: &Lab, cluster: &str) {
    lab.ok(&["addon", "install", "ingress-nginx", "metrics-server", "--name", cluster]);
    let nodes = lab.json(cluster, &["get", "nodes"])["items"].as_array().unwrap().len();
    let top = lab.kubectl(cluster, &["top", "nodes", "--no-headers"]);
    assert_eq!(top.lines().filter(|line| line.contains("Mi")).count(), nodes, "{top}");
    lab.apply(
        cluster,
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: nginx
  rules: [{host: web.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
",
    );
    let node = format!("{cluster}-control-plane");
    let seen = lab.json(cluster, &["get", "node", &node]);
    let addresses = seen["status"]["addresses"].as_array().unwrap().iter();
    for address in addresses.filter(|address| address["type"] == "InternalIP") {
        let ip = address["address"].as_str().unwrap();
        let host = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
        let ask = format!("curl -s -m 5 -g -H 'Host: web.test' http://{host}/ || true");
        eventually(&format!("the Ingress answers on {ip}"), 60, || match in_node(&node, &ask) {
            answer if answer.starts_with("web-") => Ok(()),
            answer => Err(answer),
        });
    }
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn addons_come_and_go() {
    let lab = Lab::new(&[NAME]);
    let config = lab.write("cluster.yaml", TWO_NODES);
    lab.ok(&["create", "cluster", "--name", NAME, "--config", &config]);
    let addons = Addons { lab };
    names_and_settings(&addons);
    interrupted(&addons);
    both_of_the_catalogue(&addons);
    one_of_ones_own(&addons);
    what_others_have(&addons);
    images_that_are_nowhere(&addons);
    manifests(&addons);
}

fn names_and_settings(addons: &Addons) {
    let listed = addons.lab.ok(&["addon", "list", "--name", NAME]);
    assert!(listed.contains("ingress-nginx") && listed.contains("metrics-server"), "{listed}");
    assert!(listed.contains("CVE-2025-1974") && listed.contains("retired"), "{listed}");
    addons.refused(&["install", "ingress"], &["unknown add-on", "did you mean ingress-nginx?"]);
    addons.refused(
        &["install", "metrics-server", "--set", "replica=2"],
        &["unknown setting \"replica\"", "replicas"],
    );
    addons
        .refused(&["install", "metrics-server", "--set", "replicas=two"], &["not a whole number"]);
    let out = addons.lab.run(&["addon", "install", "metrics-server", "--name", "nowhere"]);
    assert!(stderr(&out).contains("no nodes found for cluster \"nowhere\""), "{}", stderr(&out));
    assert!(addons.status().is_empty());
    check("unknown add-ons, settings and clusters are refused, with what was meant");
}

/// Ctrl-C at several moments, then the whole.
fn interrupted(addons: &Addons) {
    for millis in [300, 900, 2000] {
        let child = addons.lab.spawn(&["addon", "install", "ingress-nginx", "--name", NAME]);
        std::thread::sleep(std::time::Duration::from_millis(millis));
        std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        let out = child.wait_with_output().unwrap();
        // A fast machine may have been done before the last signal.
        assert!(matches!(out.status.code(), Some(130 | 0)), "{}", stderr(&out));
    }
    check("an installation is interrupted at three moments");
}

fn both_of_the_catalogue(addons: &Addons) {
    let said = addons.ok(&["install", "ingress-nginx", "metrics-server"]);
    assert!(said.contains("retired"), "{said}");
    assert!(said.contains("ports 80 and 443") && said.contains("extraPortMappings"), "{said}");
    assert!(said.contains("built by skiff, in place of the official image"), "{said}");
    let works = |name: &str| (name.to_owned(), "works".to_owned());
    let both = [works("ingress-nginx"), works("metrics-server")];
    assert_eq!(addons.status(), both);
    check("both add-ons are installed at once after it, and say what images they use");

    assert!(addons.kubectl(&["top", "nodes"]).contains("Mi"));
    eventually("kubectl top pods", 60, || {
        let out = addons.lab.run(&["kubectl", "--name", NAME, "--", "top", "pods", "-A"]);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        if text.contains("coredns") { Ok(()) } else { Err(text + &stderr(&out)) }
    });
    check("kubectl top prints numbers for nodes and pods");
    let page = in_node(
        &format!("{NAME}-control-plane"),
        "curl -s -o /dev/null -w %{http_code} http://localhost/",
    );
    assert_eq!(page, "404", "the controller answers on the node without its label");

    let webhooks = addons.kubectl(&["get", "validatingwebhookconfigurations", "-o", "name"]);
    assert!(!webhooks.contains("ingress-nginx"), "{webhooks}");
    check("skiff's build of the ingress controller has no admission webhook");
    paths_are_only_paths(addons);

    let generation = [
        "get",
        "-n",
        "ingress-nginx",
        "deployment",
        "-o",
        "jsonpath={.items[0].metadata.generation}",
    ];
    let rolled = addons.kubectl(&generation);
    addons.ok(&["install", "metrics-server", "ingress-nginx"]);
    assert_eq!(addons.status(), both);
    assert_eq!(addons.kubectl(&generation), rolled, "nothing is rolled out anew");
    check("a second installation changes nothing");

    addons.ok(&["remove", "ingress-nginx", "metrics-server"]);
    for name in ["ingress-nginx", "metrics-server"] {
        assert_eq!(addons.objects_of(name), "", "{name}");
    }
    assert!(addons.status().is_empty());
    let spaces = addons.kubectl(&[
        "get",
        "namespaces,apiservices,ingressclasses,clusterroles",
        "-o",
        "name",
    ]);
    assert!(!spaces.contains("ingress-nginx") && !spaces.contains("metrics"), "{spaces}");
    assert!(addons.ok(&["remove", "ingress-nginx"]).contains("nothing to remove"));
    check("removed, they leave nothing behind");

    addons.ok(&["install", "metrics-server", "ingress-nginx"]);
    assert_eq!(addons.status(), both);
    check("and they can be installed again");
}

/// CVE-2026-24512: a path that ends its directive and adds another one.
fn paths_are_only_paths(addons: &Addons) {
    let paths = |path: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: injected}}
spec:
  ingressClassName: nginx
  rules:
  - host: injected.test
    http:
      paths:
      - {{path: '{path}', pathType: ImplementationSpecific, backend: {{service: {{name: none, port: {{number: 80}}}}}}}}
"
        )
    };
    let node = format!("{NAME}-control-plane");
    let ask = |host: &str, path: &str| {
        let status = format!("curl -s -o /dev/null -w %{{http_code}} -H 'Host: {host}'");
        in_node(&node, &format!("{status} http://localhost{path}"))
    };
    for path in ["/shop { return 418; } location /rest", "/shop\" { return 418; } location \"/rest"]
    {
        addons.lab.apply(NAME, &paths(path));
        addons.lab.apply(NAME, &paths("/here").replace("injected", "honest"));
        // Its Service has no pods: 503 means that the rule is served.
        eventually("the next Ingress is served", 60, || match ask("honest.test", "/here") {
            status if status == "503" => Ok(()),
            status => Err(status),
        });
        assert_ne!(ask("injected.test", "/shop"), "418", "{path}");
        addons.kubectl(&["delete", "ingress", "injected", "honest"]);
    }
    check("an Ingress's path cannot add nginx configuration");
}

fn one_of_ones_own(addons: &Addons) {
    let folder = addons.hello(|text| text);
    addons.ok(&["install", &folder, "--set", "greeting=it's \"here\"", "--set", "replicas=2"]);
    let page = ["get", "--raw", "/api/v1/namespaces/hello/services/hello:80/proxy/"];
    assert_eq!(addons.kubectl(&page).trim(), "<html>it's \"here\"</html>");
    check("a folder of one's own is an add-on, with settings");
    let text = addons.lab.ok(&["addon", "install", &folder, "--dry-run", "--name", NAME]);
    assert!(text.contains("kind: Deployment") && text.contains(IMAGE), "{text}");
    check("--dry-run prints manifests");
    let none = r#"{"spec": {"replicas": 0}}"#;
    addons.kubectl(&["patch", "-n", "hello", "deployment/hello", "-p", none]);
    addons.refused(
        &["install", &folder],
        &["another client has changed", "--adopt", ".spec.replicas"],
    );
    addons.ok(&["install", &folder, "--adopt"]);
    addons.kubectl(&["delete", "-n", "hello", "service/hello"]);
    let text = addons.lab.ok(&["addon", "status", "hello", "--name", NAME]);
    assert!(text.contains("broken") && text.contains("services \"hello\" not found"), "{text}");
    addons.ok(&["install", &folder]);
    assert!(addons.status().contains(&("hello".into(), "works".into())));
    check("what was changed is a conflict, what is missing is made again");
    addons.ok(&["remove", "hello"]);

    let folder =
        addons.hello(|text| text.replace("exec busybox httpd", "echo cannot serve; exit 3"));
    addons.refused(
        &["install", &folder, "--timeout", "10s"],
        &[
            "hello is not ready after 10s",
            "0 of 1 pod available",
            "crashes (exit code 3",
            "cannot serve",
        ],
    );
    assert!(addons.status().contains(&("hello".into(), "incomplete".into())));
    addons.ok(&["remove", "hello"]);
    check("one that does not work is reported with the pod's last words");
    let folder = addons.hello(|text| text.replace(">=1.30", "<1.30"));
    addons.refused(&["install", &folder], &["requires Kubernetes <1.30; the cluster runs v1."]);
}

fn what_others_have(addons: &Addons) {
    let folder = addons.hello(|text| text);
    addons.kubectl(&["create", "namespace", "hello"]);
    addons.kubectl(&["create", "-n", "hello", "service", "clusterip", "hello", "--tcp=80:80"]);
    addons.refused(&["install", &folder], &["already exist", "Service hello/hello", "--adopt"]);
    addons.ok(&["install", &folder, "--adopt"]);
    addons.ok(&["remove", "hello"]);
    assert!(addons.kubectl(&["get", "namespaces", "-o", "name"]).contains("namespace/hello"));
    addons.kubectl(&["delete", "namespace", "hello"]);
    check("what somebody else installed is refused, or adopted; a namespace of before stays");

    addons.ok(&["remove", "ingress-nginx"]);
    addons.lab.apply(
        NAME,
        &format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: squatter}}, spec: {{nodeName: {NAME}-control-plane, terminationGracePeriodSeconds: 0, tolerations: [{{operator: Exists}}], containers: [{{name: a, image: {IMAGE}, command: [busybox, sleep, '3600'], ports: [{{containerPort: 80, hostPort: 443}}]}}]}}}}"
        ),
    );
    addons.refused(
        &["install", "ingress-nginx"],
        &["needs port 443", "which pod default/squatter uses"],
    );
    addons.kubectl(&["delete", "pod", "squatter"]);
    check("a port that another pod has is named, with the pod");
}

fn images_that_are_nowhere(addons: &Addons) {
    let absent = "registry.invalid/team/web:1";
    let folder = addons.hello(|text| text.replace(IMAGE, absent));
    addons.refused(
        &["install", &folder],
        &[
            "image registry.invalid/team/web:1 is neither in the cluster nor in the local engine",
            "docker pull",
        ],
    );
    assert_eq!(addons.objects_of("hello"), "");
    check("an image that is nowhere is said before anything is made");
}

fn manifests(addons: &Addons) {
    let text = format!(
        "apiVersion: example.org/v1
kind: Boat
metadata: {{name: first}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: boats.example.org}}
spec:
  group: example.org
  scope: Namespaced
  names: {{kind: Boat, plural: boats, singular: boat}}
  versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: boat}}
spec:
  selector: {{matchLabels: {{app: boat}}}}
  template:
    metadata: {{labels: {{app: boat}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{{name: a, image: {IMAGE}, command: [busybox, sleep, '3600']}}]
"
    );
    let file = addons.lab.write("boats.yaml", &text);
    let said = addons.ok(&["install", "--manifest", &file]);
    let digest = &said.split_once("sha256:").expect(&said).1[..64];
    assert!(addons.kubectl(&["get", "boats", "-o", "name"]).contains("boat.example.org/first"));
    assert!(addons.status().contains(&("boats".into(), "works".into())));
    addons.ok(&["remove", "boats"]);
    assert_eq!(addons.objects_of("boats"), "");
    check("anybody's manifest is installed, kinds first, and removed");

    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/boats.yaml", server.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        write!(stream, "HTTP/1.0 200 OK\r\n\r\n{text}").unwrap();
    });
    addons.refused(&["install", "--manifest", &url], &["plain http needs a digest", "--sha256"]);
    addons.ok(&["install", "--manifest", &url, "--as", "fleet", "--sha256", digest]);
    serving.join().unwrap();
    // Nobody serves it any more.
    addons.ok(&["install", "--manifest", &url, "--as", "fleet", "--sha256", digest]);
    addons.refused(
        &["install", "--manifest", &url, "--as", "fleet", "--sha256", "00"],
        &["SHA-256 mismatch", "expected 00"],
    );
    addons.ok(&["remove", "fleet"]);
    addons.refused(&["install", "--manifest", "https://127.0.0.1:1/x.yaml"], &["cannot download"]);
    check("a manifest comes from a URL as well; its copy serves when nobody answers");
    let file = addons.lab.write(
        "absent.yaml",
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: absent}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: 'registry.invalid/a:1'}]}}}}",
    );
    addons.refused(
        &["install", "--manifest", &file],
        &["cannot pull its image registry.invalid/a:1", "load docker-image"],
    );
    addons.ok(&["remove", "absent"]);
    check("a manifest's image that cannot be pulled is said early");
}
