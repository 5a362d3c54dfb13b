use proptest::prelude::*;

use super::*;

#[test]
fn secrets_are_replaced() {
    for (text, expected) in [
        // URLs, whatever is around them.
        (
            "cannot reach http://me:s3cret@proxy:3128/: no",
            "cannot reach http://xxxxx@proxy:3128/: no",
        ),
        ("https://s3cret@github.com/a", "https://xxxxx@github.com/a"),
        ("[\"http://me:s3@cret@proxy\"]", "[\"http://xxxxx@proxy\"]"),
        ("'http://me:s3/cret@proxy:1/x'", "'http://xxxxx@proxy:1/x'"),
        ("http://a:s3cret@b http://c:s3cret@d", "http://xxxxx@b http://xxxxx@d"),
        ("ssh://me:s3cret@host", "ssh://xxxxx@host"),
        ("tcp://me:s3cret@[::1]:2375", "tcp://xxxxx@[::1]:2375"),
        // Variables of proxies, with and without a scheme.
        ("HTTP_PROXY=me:s3cret@proxy:3128", "HTTP_PROXY=xxxxx@proxy:3128"),
        ("\"https_proxy=http://me:s/3#cret@proxy\"", "\"https_proxy=http://xxxxx@proxy\""),
        // Fields.
        ("password: s3cret", "password: xxxxx"),
        ("  \"Password\": \"s3 cret\",", "  \"Password\": \"xxxxx\","),
        ("{\\\"password\\\":\\\"s3cret\\\"}", "{\\\"password\\\":\\\"xxxxx\\\"}"),
        ("db_password=s3cret,user=me", "db_password=xxxxx,user=me"),
        ("    client-key-data: czNjcmV0Cg==\n", "    client-key-data: xxxxx\n"),
        ("Authorization: Basic czNjcmV0", "Authorization: xxxxx"),
        ("-H 'Proxy-Authorization: Bearer s3cret' -v", "-H 'Proxy-Authorization: xxxxx' -v"),
        ("certificateKey: 0123456789abcdef", "certificateKey: xxxxx"),
        // Parameters of URLs.
        (
            "GET https://h/x?a=b&access_token=s3cret&c=d",
            "GET https://h/x?a=b&access_token=xxxxx&c=d",
        ),
        ("https://h/x?X-Amz-Signature=s3cret#y", "https://h/x?X-Amz-Signature=xxxxx#y"),
        ("https://h/x?sig=s3cret", "https://h/x?sig=xxxxx"),
        // Bootstrap tokens.
        ("token: a1b2c3.0f1e2d3c4b5a6978\n", "token: xxxxx\n"),
        ("kubeadm join --token a1b2c3.0f1e2d3c4b5a6978.", "kubeadm join --token xxxxx."),
        // Private keys.
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIs3cret\nabc=\n-----END RSA PRIVATE KEY-----\nb\n",
            "a\n-----BEGIN RSA PRIVATE KEY-----xxxxx\n-----END RSA PRIVATE KEY-----\nb\n",
        ),
        (
            "\"-----BEGIN PRIVATE KEY-----\\nMIIs3cret\\n-----END PRIVATE KEY-----\\n\"",
            "\"-----BEGIN PRIVATE KEY-----xxxxx-----END PRIVATE KEY-----\\n\"",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\ns3cret-----END\nb\n",
            "-----BEGIN PRIVATE KEY-----xxxxx\n-----END\nb\n",
        ),
        (
            "BEGIN -----BEGIN A PRIVATE KEY-----s3-----END-----BEGIN B PRIVATE KEY-----cret\n",
            "BEGIN -----BEGIN A PRIVATE KEY-----xxxxx-----END-----BEGIN B PRIVATE KEY-----xxxxx\n",
        ),
        ("-----BEGIN EC PRIVATE KEY-----\ns3cret", "-----BEGIN EC PRIVATE KEY-----xxxxx\n"),
    ] {
        assert_eq!(conceal(text), expected);
        assert_eq!(conceal(expected), expected, "once more");
    }
}

/// Each is found without reading the whole line again.
#[test]
fn a_line_may_have_many_secrets() {
    let line = |secret: &str| {
        format!("{{\"password\":\"{secret}\"}} http://{secret}@h HTTP_PROXY={secret}@h ")
            .repeat(50_000)
    };
    assert!(conceal(&line("s3cret")) == line(MASK));
}

#[test]
fn other_texts_stay() {
    for text in [
        "",
        "\n\n",
        "http://proxy:3128/ https://[::1]:6443 unix:///var/run/docker.sock",
        "ssh://me@host:22/socket git+ssh://git@host/a",
        "https://modules.example.org/k8s.io/api/@v/v0.37.2.mod",
        "docker://localhost:5000/app@sha256:0123 docker://app:1@sha256:0123",
        "pulling kindest/node:v1.37.2@sha256:0123: me@example.com",
        "secret=\"kube-system/bootstrap-token-abcdef\" token: must not be empty",
        "{\"authorization\":{\"mode\":\"Webhook\"}}",
        "password:\npasswordFile: /etc/a\nno password given",
        "NO_PROXY=localhost,.svc HTTP_PROXY=proxy:3128",
        "abcdef.0123456789abcdef",
        "kubeadm.conf, io.kubernetes.cri-o.x, v1.37.2, 172.18.0.2, docker.something",
        "x.a1b2c3.0f1e2d3c4b5a6978 a1b2c3.0f1e2d3c4b5a6978z A1b2c3.0f1e2d3c4b5a6978",
        "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n",
        "https://h/x?a=b&c=d#e",
        "grüße 🔨 ://@",
    ] {
        assert!(
            matches!(conceal(text), Cow::Borrowed(shown) if shown == text),
            "{text}: {}",
            conceal(text)
        );
    }
}

/// Pieces that the rules look for, in any order.
const PIECES: &str = "([a-z0-9@:/?&=.\"'\\\\ ä🔨\n-]|://|password|_proxy=|token=|-----BEGIN |PRIVATE KEY-----|-----END|[a-z]{6}\\.[a-z0-9]{16}){0,30}";

proptest! {
    #[test]
    fn whatever_is_around_it_a_password_is_not_shown(before in PIECES, after in PIECES) {
        for secret in ["http://me:s3cret@host", "password=s3cret", "_proxy=me:s3cret@host"] {
            let text = format!("{before} {secret} {after}");
            let shown = conceal(&text);
            prop_assert!(!shown.contains("s3cret"), "{text}\n{shown}");
        }
    }
}
