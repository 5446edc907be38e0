//! The fetch of key sets as a way into the network (contract of JWT trust §4): each form of an address that
//! is closed, on IPv4 and IPv6, by its name. Listeners on every address of the machine, and one that poses as
//! a proxy for all others, count who connects.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper_util::client::proxy::matcher::Matcher;
use jose::Algorithm;
use jose::testing::TestKey;
use muster::outbound::fetch::Fetcher;
use muster::outbound::guard::Allow;
use muster::outbound::names::Names;
use serde_json::{Value, json};
use url::Url;

use crate::actors::World;
use crate::both_engines;
use crate::issuer::{Issuer, Publishes, claims, settings};

const AT: &str = "/ng/api/jwt-trusts";
const USERS: &str = "/scim/v2/acme/Users?count=0";
/// What the guard says, in all its refusals: none of them comes from a connection that was tried.
const REASONS: [&str; 6] =
    ["not a public address", "metadata address", "plain http", "user name", "must begin with", "no host"];

/// Who listens: on all addresses of either family, and as a proxy.
struct Outside {
    v4: Issuer,
    v6: Issuer,
    proxy: Issuer,
}

impl Outside {
    async fn start() -> Self {
        let (v4, v6) = (Issuer::at("0.0.0.0:0").await, Issuer::at("[::]:0").await);
        Self { v4, v6, proxy: Issuer::start().await }
    }

    /// `{4}` and `{6}` in a form are the ports of the listeners. https also as http.
    fn urls(&self, form: &str) -> Vec<String> {
        let url =
            form.replace("{4}", &self.v4.port().to_string()).replace("{6}", &self.v6.port().to_string());
        let plain = url.strip_prefix("https:").map(|rest| format!("http:{rest}"));
        std::iter::once(url).chain(plain).collect()
    }

    /// Straight out, and by way of the proxy.
    fn fetchers(&self, allow: &[&str]) -> [Fetcher; 2] {
        let direct = Fetcher::new(Allow::of(allow.iter().copied()).unwrap()).unwrap();
        let proxy = Matcher::builder().all(self.proxy.url()).build();
        let proxied = direct.with_proxies(proxy).unwrap();
        [direct, proxied]
    }

    fn connections(&self) -> [usize; 3] {
        [&self.v4, &self.v6, &self.proxy].map(Issuer::connections)
    }
}

fn document(jwks: &Value) -> Value {
    json!({"identifier": "inward", "name": "inward", "serviceAccount": "sync", "jwks": jwks, "issuer": "https://a.example"})
}

/// No form is stored, in no way that a URL can be stored; none is fetched by a fetcher that is told to.
async fn closed(world: &World, forms: &[&str]) {
    let outside = Outside::start().await;
    world.machine("sync", Some("_scim_provisioner")).await;
    let strict = world.replica_allowing(&[]);
    for url in forms.iter().flat_map(|form| outside.urls(form)) {
        for jwks in [json!({"url": url}), json!({"discovery": url})] {
            let answer = strict.admin().post(AT, document(&jwks)).await;
            assert!(answer.status == 400 && answer.text.contains("jwks."), "{jwks}: {}", answer.text);
        }
        let items = settings(&strict, &url, "team", "identity", "sync").await;
        assert_eq!(items[0]["updateStatus"], false, "{url}: {items}");
        never(&outside, &[], &url).await;
    }
    assert_eq!(outside.connections(), [0, 0, 0]);
}

/// The guard refuses the URL to whoever would fetch it; what is no URL cannot be fetched.
async fn never(outside: &Outside, allow: &[&str], url: &str) {
    let Ok(parsed) = Url::parse(url) else { return };
    for fetcher in outside.fetchers(allow) {
        let why = fetcher.get(&parsed, None).await.unwrap_err();
        assert!(REASONS.iter().any(|reason| why.contains(reason)), "{url} was tried: {why}");
        assert!(fetcher.discover(&parsed, url).await.is_err(), "{url}");
    }
}

macro_rules! closed {
    ($($name:ident: $($form:literal),+;)+) => { both_engines! { $(
        async fn $name(world: World) { closed(&world, &[$($form),+]).await; }
    )+ } };
}

closed! {
    loopback: "https://127.0.0.1:{4}/", "https://127.1.2.3:{4}/", "https://127.255.255.254:{4}/jwks";
    loopback_in_ipv6: "https://[::1]:{6}/", "https://[0:0:0:0:0:0:0:1]:{6}/", "https://[0000::0001]:{6}/";
    one_decimal_number: "https://2130706433:{4}/", "https://167772161/";
    octal: "https://0177.0.0.1:{4}/", "https://017700000001:{4}/", "https://0177.0.0.01:{4}/", "https://012.0.0.1/";
    hexadecimal: "https://0x7f.0.0.1:{4}/", "https://0x7f000001:{4}/", "https://0X7F.0x0.0X0.0x1:{4}/", "https://0xa.1/";
    fewer_parts: "https://127.1:{4}/", "https://127.0.1:{4}/", "https://10.1/", "https://192.168.257/";
    mixed_bases: "https://0x7f.0.0.01:{4}/", "https://0177.0x0.1:{4}/", "https://127.0x1:{4}/";
    a_dot_at_the_end: "https://127.0.0.1.:{4}/", "https://2130706433.:{4}/", "https://0x7f.1.:{4}/", "https://10.0.0.1./";
    the_unspecified_address: "https://0.0.0.0:{4}/", "https://0:{4}/", "https://0.1.2.3:{4}/", "https://[::]:{6}/",
        "https://[::ffff:0.0.0.0]:{4}/", "https://[::ffff:0:0]:{4}/";
    ipv4_mapped: "https://[::ffff:127.0.0.1]:{4}/", "https://[::ffff:7f00:1]:{4}/", "https://[::FFFF:127.0.0.1]:{4}/",
        "https://[0:0:0:0:0:ffff:7f00:0001]:{4}/", "https://[::ffff:10.0.0.1]/", "https://[::ffff:c0a8:101]/";
    ipv4_compatible: "https://[::127.0.0.1]:{4}/", "https://[::7f00:1]:{4}/", "https://[::10.0.0.1]/";
    ipv4_translated: "https://[::ffff:0:127.0.0.1]:{4}/", "https://[::ffff:0:a00:1]/";
    nat64: "https://[64:ff9b::127.0.0.1]:{4}/", "https://[64:ff9b::7f00:1]:{4}/", "https://[64:ff9b::a00:1]/",
        "https://[64:ff9b:1::7f00:1]:{4}/";
    six_to_four_and_teredo: "https://[2002:7f00:1::]:{4}/", "https://[2002:a00:1::1]/", "https://[2001:0:4136:e378::1]/";
    percent_encoded: "https://127%2e0%2e0%2e1:{4}/", "https://%31%32%37.0.0.1:{4}/", "https://%5B::1%5D:{6}/";
    digits_of_other_scripts: "https://①②⑦.⓪.⓪.①:{4}/", "https://１２７.０.０.１:{4}/", "https://127。0。0。1:{4}/";
    user_info: "https://idp.example@127.0.0.1:{4}/", "https://127.0.0.1:{4}@idp.example/", "https://u:p@idp.example/",
        "https://idp.example%40127.0.0.1:{4}/", "https://idp.example:443@[::1]:{6}/";
    slashes: "https:127.0.0.1:{4}/", "https:/127.0.0.1:{4}/", "https:///127.0.0.1:{4}/", "https:\\\\127.0.0.1:{4}\\",
        "https://127.0.0.1:{4}\\@idp.example/", "https:/\\[::1]:{6}/";
    white_space_inside: "https://127.0.0.1\t:{4}/", "https://127.0.\n0.1:{4}/", "ht\ttps://[::1]:{6}/", "https://127.0.0.1:{4}/ ";
    zone_ids: "https://[fe80::1%25lo]:{6}/", "https://[::1%25lo]:{6}/", "https://[fe80::1%lo]:{6}/";
    private: "https://10.0.0.1/", "https://10.255.255.255/", "https://172.16.0.1/", "https://172.31.255.255/",
        "https://192.168.0.1/", "https://[fc00::1]/", "https://[fd12:3456::1]/", "https://[fdff::1]/";
    link_local: "https://169.254.1.1/", "https://[fe80::1]/", "https://[febf::1]/", "https://[fec0::1]/";
    carrier_grade_nat: "https://100.64.0.1/", "https://100.127.255.254/", "https://[::ffff:100.64.0.1]/";
    multicast_and_broadcast: "https://224.0.0.1/", "https://239.255.255.255/", "https://255.255.255.255/",
        "https://[ff02::1]/", "https://[ff0e::1]/";
    reserved: "https://240.0.0.1/", "https://192.0.0.1/", "https://198.18.0.1/", "https://192.0.2.1/", "https://198.51.100.1/",
        "https://203.0.113.1/", "https://192.88.99.1/", "https://[100::1]/", "https://[2001:db8::1]/", "https://[3fff::1]/",
        "https://[5f00::1]/", "https://[4000::1]/";
    metadata: "https://169.254.169.254/latest/meta-data/", "https://169.254.169.254./", "https://2852039166/",
        "https://0xa9fea9fe/", "https://0251.0376.0251.0376/", "https://169.254.43518/", "https://169.254.170.2/",
        "https://169.254.170.23/", "https://100.100.100.200/", "https://168.63.129.16/", "https://192.0.0.192/", "https://[fd00:ec2::254]/",
        "https://[fd00:ec2::23]/", "https://[fd20:ce::254]/", "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:a9fe:a9fe::]/";
    other_schemes: "ftp://127.0.0.1:{4}/", "file:///etc/passwd", "gopher://127.0.0.1:{4}/", "data:,{}", "ws://[::1]:{6}/",
        "unix:/run/docker.sock", "//127.0.0.1:{4}/", "127.0.0.1:{4}/jwks";
}

/// Without this the zeros above would prove nothing.
#[tokio::test]
async fn the_listeners_count_what_is_let_out() {
    let outside = Outside::start().await;
    let [direct, proxied] = outside.fetchers(&["127.0.0.0/8", "::1"]);
    for form in ["https://127.0.0.1:{4}/", "https://2130706433:{4}/", "https://[::1]:{6}/"] {
        let url = Url::parse(&outside.urls(form)[0]).unwrap();
        assert!(direct.get(&url, None).await.is_err(), "{form}: the listener does not speak TLS");
    }
    assert_eq!(outside.connections(), [2, 1, 0]);
    assert!(proxied.get(&Url::parse("https://1.1.1.1/").unwrap(), None).await.is_err());
    assert_eq!(outside.connections(), [2, 1, 1]);
}

#[tokio::test]
async fn metadata_stays_closed_though_everything_is_allowed() {
    let outside = Outside::start().await;
    for url in [
        "https://169.254.169.254/",
        "http://169.254.169.254/latest/meta-data/",
        "https://2852039166/",
        "https://169.254.169.254./",
        "https://169.254.170.2/v2/credentials",
        "https://100.100.100.200/",
        "https://168.63.129.16/",
        "https://[fd00:ec2::254]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[::ffff:0:a9fe:a9fe]/",
        "https://[64:ff9b::169.254.169.254]/",
        "https://[2002:a9fe:a9fe::1]/",
    ] {
        never(&outside, &["0.0.0.0/0", "::/0", "169.254.169.254", "fd00:ec2::254"], url).await;
    }
    assert_eq!(outside.connections(), [0, 0, 0]);
}

both_engines! {
    async fn redirects_lead_nowhere(world: World) {
        let (issuer, outside) = (Issuer::start().await, Outside::start().await);
        world.machine("sync", Some("_scim_provisioner")).await;
        let (p4, p6) = (outside.v4.port(), outside.v6.port());
        // The address that the listener has is allowed, and yet the redirect is not followed.
        let to = ["http://169.254.169.254/latest/meta-data/".to_owned(), format!("http://127.0.0.1:{p4}/jwks"),
            format!("http://[::1]:{p6}/jwks"), format!("//127.0.0.1:{p4}/jwks"), format!("https://localhost:{p4}/")];
        let codes = [300, 301, 302, 303, 305, 307, 308].into_iter();
        for (code, to) in codes.flat_map(|code| to.iter().map(move |to| (code, to))) {
            let head = format!("HTTP/1.1 {code} Elsewhere\r\nlocation: {to}\r\nrefresh: 0; url={to}\r\ncontent-length: 0\r\n\r\n");
            issuer.publish(Publishes::Raw(head));
            let url = Url::parse(&issuer.jwks_url()).unwrap();
            let why = world.app.fetcher.get(&url, None).await.unwrap_err();
            assert!(why.contains("redirect"), "{code} {to}: {why}");
            assert!(world.app.fetcher.discover(&url, "x").await.is_err());
        }
        let jwks = json!({"url": issuer.jwks_url()});
        let made = world.admin().post(AT, document(&jwks)).await.data();
        assert!(made["warnings"].to_string().contains("redirect, which is not followed"), "{made}");
        assert_eq!(outside.connections(), [0, 0, 0]);
    }

    async fn a_discovery_document_points_inward(world: World) {
        let outside = Outside::start().await;
        let (p4, p6) = (outside.v4.port(), outside.v6.port());
        world.machine("sync", Some("_scim_provisioner")).await;
        for (at, jwks_uri) in [
            format!("http://127.0.0.2:{p4}/jwks"), format!("https://127.0.0.2:{p4}/jwks"), format!("http://[::1]:{p6}/jwks"),
            format!("https://2130706434:{p4}/"), format!("https://[::ffff:127.0.0.2]:{p4}/"), "http://169.254.169.254/".into(),
            "https://10.0.0.1/".into(), "file:///etc/passwd".into(), format!("https://u:p@127.0.0.1:{p4}/"),
        ].into_iter().enumerate() {
            let issuer = Issuer::start().await;
            issuer.discoverable_as(&json!({"issuer": issuer.url(), "jwks_uri": jwks_uri}));
            let mut trust = document(&json!({"discovery": issuer.url()}));
            trust["identifier"] = json!(format!("inward{at}"));
            trust["issuer"] = json!(issuer.url());
            let made = world.admin().post(AT, trust).await.data();
            let warning = made["warnings"].as_array().unwrap().iter().find(|w| w["code"] == "keys_unreachable").unwrap();
            let why = warning["message"].as_str().unwrap();
            assert!(REASONS.iter().any(|reason| why.contains(reason)), "{jwks_uri} was tried: {why}");
            assert_eq!(issuer.connections(), 1, "the discovery document and nothing else");
        }
        assert_eq!(outside.connections(), [0, 0, 0]);
    }

    async fn names_of_the_machine_itself(world: World) {
        let outside = Outside::start().await;
        world.machine("sync", Some("_scim_provisioner")).await;
        let strict = world.replica_allowing(&["127.0.0.2"]);
        let (p4, p6) = (outside.v4.port(), outside.v6.port());
        for (at, url) in [
            format!("https://localhost:{p4}/"), format!("https://localhost.:{p4}/"), format!("https://LOCALHOST:{p6}/"),
            format!("https://ｌocalhost:{p4}/"), format!("https://loc%61lhost:{p6}/"), format!("https://idp.localhost:{p4}/"),
        ].into_iter().enumerate() {
            let plain = json!({"url": url.replace("https:", "http:")});
            assert_eq!(strict.admin().post(AT, document(&plain)).await.status, 400, "{plain}");
            let mut trust = document(&json!({"url": url}));
            trust["identifier"] = json!(format!("inward{at}"));
            let made = strict.admin().post(AT, trust).await.data();
            assert!(made["warnings"].to_string().contains("keys_unreachable"), "a name is looked up, and refused then: {made}");
        }
        let mut mine = claims();
        mine["iss"] = json!("https://a.example");
        let token = TestKey::shared(Algorithm::Es256).sign(&mine);
        assert_eq!(strict.bearer(&token).get(USERS).await.status, 503);
        assert_eq!(outside.connections(), [0, 0, 0]);
    }
}

/// A fetcher that may go to 127.0.0.2, with a resolver that gives these answers in turn.
fn resolving(outside: &Outside, answers: Vec<Vec<&str>>) -> (Fetcher, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, parse) = (asked.clone(), |ip: &&str| ip.parse::<IpAddr>().unwrap());
    let answers: Vec<Vec<IpAddr>> = answers.iter().map(|answer| answer.iter().map(parse).collect()).collect();
    let names = Names::of(move |_| {
        let at = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let answer = answers[at].clone();
        Box::pin(async move { Ok(answer) })
    });
    let [direct, _] = outside.fetchers(&["127.0.0.2"]);
    (direct.with_names(names).unwrap(), asked)
}

fn named(port: u16) -> Url {
    Url::parse(&format!("https://idp.example:{port}/jwks")).unwrap()
}

#[tokio::test]
async fn a_name_that_changes_its_answer() {
    // Both listen on one port, so that only the address tells them apart.
    let allowed = Issuer::at("127.0.0.2:0").await;
    let closed = Issuer::at(&format!("127.0.0.1:{}", allowed.port())).await;
    let outside = Outside::start().await;
    let (fetcher, asked) = resolving(&outside, vec![vec!["127.0.0.2"], vec!["127.0.0.1"]]);
    assert!(fetcher.get(&named(allowed.port()), None).await.is_err(), "it does not speak TLS");
    assert_eq!(
        (allowed.connections(), asked.load(Ordering::SeqCst)),
        (1, 1),
        "asked once: what is checked is used"
    );
    for _ in 0..5 {
        let why = fetcher.get(&named(allowed.port()), None).await.unwrap_err();
        assert!(why.contains("not a public address"), "{why}");
    }
    assert_eq!((allowed.connections(), closed.connections(), asked.load(Ordering::SeqCst)), (1, 0, 6));
}

#[tokio::test]
async fn a_name_with_open_and_closed_addresses() {
    let allowed = Issuer::at("127.0.0.2:0").await;
    let closed = Issuer::at(&format!("127.0.0.1:{}", allowed.port())).await;
    let closed6 = Issuer::at(&format!("[::1]:{}", allowed.port())).await;
    let outside = Outside::start().await;
    for answer in [vec!["127.0.0.1", "::1", "127.0.0.2"], vec!["127.0.0.2", "::1", "127.0.0.1"]] {
        let (fetcher, _) = resolving(&outside, vec![answer]);
        assert!(fetcher.get(&named(allowed.port()), None).await.is_err());
    }
    assert_eq!((allowed.connections(), closed.connections(), closed6.connections()), (2, 0, 0));
}

#[tokio::test]
async fn a_name_at_each_closed_address() {
    let outside = Outside::start().await;
    for ip in [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "::ffff:0:7f00:1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ] {
        let (fetcher, _) = resolving(&outside, vec![vec![ip]]);
        let why = fetcher.get(&named(outside.v4.port()), None).await.unwrap_err();
        assert!(REASONS.iter().any(|reason| why.contains(reason)), "{ip} was tried: {why}");
        assert!(!why.contains(ip), "{why}");
    }
    for ip in ["::1", "::", "fe80::1", "fd00:ec2::254", "fc00::1", "ff02::1", "64:ff9b:1::1", "2001:db8::1"] {
        let (fetcher, _) = resolving(&outside, vec![vec![ip]]);
        let why = fetcher.get(&named(outside.v6.port()), None).await.unwrap_err();
        assert!(REASONS.iter().any(|reason| why.contains(reason)), "{ip} was tried: {why}");
    }
    assert_eq!(outside.connections(), [0, 0, 0]);
}

/// Plain http is for names of the machine itself, so these must not lead elsewhere, whatever is allowed.
#[tokio::test]
async fn localhost_that_leads_elsewhere() {
    let outside = Outside::start().await;
    let [direct, _] = outside.fetchers(&["localhost", "0.0.0.0/0"]);
    for elsewhere in ["10.0.0.1", "192.0.2.1"] {
        let ip: IpAddr = elsewhere.parse().unwrap();
        let fetcher = direct.with_names(Names::of(move |_| Box::pin(async move { Ok(vec![ip]) }))).unwrap();
        let url = Url::parse(&format!("http://localhost:{}/jwks", outside.v4.port())).unwrap();
        let why = fetcher.get(&url, None).await.unwrap_err();
        assert!(why.contains("not on this machine") && !why.contains(elsewhere), "{why}");
    }
}
