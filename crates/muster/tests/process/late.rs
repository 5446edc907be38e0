//! Bodies that come long after their head: what its sender may do is asked again then.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Server, data_dir, found_account, parse, rest};

struct Place {
    server: Server,
    token: String,
    _folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let (folder, data) = data_dir();
        let server = Server::start(&["--data-dir", &data]);
        let token = found_account(["--data-dir", &data]);
        Self { server, token, _folder: folder }
    }

    /// Sends the head of a request and one byte of its body, and is let in.
    fn begin(&self, line: &str, body: &Value) -> (TcpStream, String) {
        let (token, body) = (&self.token, body.to_string());
        let head =
            format!("host: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\nx-api-key: {token}");
        let content = format!("content-type: application/json\r\ncontent-length: {}", body.len());
        let mut stream = self.server.connect();
        let (first, last) = body.split_at(1);
        let bytes = format!("{line} HTTP/1.1\r\n{head}\r\n{content}\r\n\r\n{first}");
        stream.write_all(bytes.as_bytes()).expect("it is open");
        std::thread::sleep(Duration::from_millis(500));
        (stream, last.to_owned())
    }

    fn call(&self, line: &str, body: &Value) -> (u16, Value) {
        end(self.begin(line, body))
    }
}

fn end((mut stream, last): (TcpStream, String)) -> (u16, Value) {
    stream.write_all(last.as_bytes()).expect("it is open");
    parse(&rest(&mut stream))
}

#[test]
fn what_changed_while_a_body_was_on_its_way_holds_for_it() {
    let place = Place::new();
    let organization = |id: &str| json!({"organization": {"identifier": id, "name": id}});
    let organizations = "POST /ng/api/organizations?accountIdentifier=acme";
    let users = "POST /scim/v2/acme/Users";
    assert_eq!(place.call(organizations, &organization("one")).0, 200, "late alone is no reason");
    assert_eq!(place.call(users, &json!({"userName": "ada"})).0, 201);
    let deletion = json!({"method": "DELETE", "path": "/Users/nobody"});
    let waiting = [
        (place.begin(organizations, &organization("two")), 200),
        (place.begin(users, &json!({"userName": "bea"})), 201),
        (place.begin("POST /scim/v2/acme/Bulk", &json!({"Operations": [deletion]})), 200),
    ];
    let setting = json!([{"identifier": "scim_dialect", "value": "okta", "updateType": "UPDATE"}]);
    assert_eq!(place.call("PUT /ng/api/settings?accountIdentifier=acme", &setting).0, 200);
    for (one, wanted) in waiting {
        let (status, body) = end(one);
        assert_eq!(status, wanted, "another's change is no reason: {body}");
    }
}
