//! A client and a server that means no good: clear errors, bounded memory, no panic; and a stream that breaks is resumed without gap.

use client::{Client, ClientError, Message};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

/// A server that answers each connection with what `answer` writes, as many connections as it is told.
fn server(
    connections: usize,
    answer: impl Fn(usize, &mut TcpStream) + Send + 'static,
) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let thread = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for at in 0..connections {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or(0);
            asked.push(String::from_utf8_lossy(&head[..read]).into_owned());
            answer(at, &mut stream);
        }
        asked
    });
    (address, thread)
}

fn body(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn status_from(bytes: Vec<u8>) -> Result<(), ClientError> {
    let (address, thread) = server(1, move |_, stream| {
        let _ = stream.write_all(&bytes);
    });
    let answer = Client::new(&address).expect("an address").status().await.map(|_| ());
    thread.join().expect("the server ends");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_server_says_is_an_error_that_says_what_it_was() {
    let busy = br#"{"error":{"code":"Busy","message":"too many"}}"#;
    let error = status_from(body("503 Unavailable", "Retry-After: 7\r\n", busy)).await.expect_err("busy");
    assert!(matches!(error, ClientError::Busy { retry_after, .. } if retry_after.as_secs() == 7), "{error}");
    let refused = br#"{"error":{"code":"NotFound","message":"pool not found"}}"#;
    let error = status_from(body("404 Not Found", "", refused)).await.expect_err("refused");
    assert!(matches!(&error, ClientError::Refused { status: 404, code, .. } if code == "NotFound"), "{error}");
    for (bytes, what) in [
        (body("200 OK", "", b"garbage"), "no JSON"),
        (body("200 OK", "", b"{}"), "nothing in it"),
        (body("200 OK", "", br#"{"height":"seven"}"#), "wrong types"),
        (body("200 OK", "", &[0xff; 1000]), "no text"),
        (body("500 Oops", "", b"<html>"), "a page instead of a reason"),
        (body("302 Found", "Location: http://127.0.0.1:1/\r\n", b""), "somewhere else"),
    ] {
        let error = status_from(bytes).await.expect_err(what);
        assert!(matches!(error, ClientError::NotUnderstood(_)), "{what}: {error}");
    }
    let whole = body("200 OK", "", br#"{"height":1}"#);
    for cut in [0, 5, 20, whole.len() - 3] {
        let error = status_from(whole[..cut].to_vec()).await.expect_err("cut off");
        assert!(matches!(error, ClientError::NotReachable(_)), "{cut}: {error}");
    }
    let error = status_from(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()).await.expect_err("another protocol");
    assert!(matches!(error, ClientError::NotReachable(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_without_end_is_not_read_to_its_end() {
    let (address, thread) = server(1, |_, stream| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = [format!("{:x}\r\n", 1 << 20).into_bytes(), vec![b' '; 1 << 20], b"\r\n".to_vec()].concat();
        let _ = stream.write_all(head.as_bytes());
        // Twice what a client takes; it hangs up before.
        let written = (0..128).take_while(|_| stream.write_all(&chunk).is_ok()).count();
        assert!(written < 128, "the client has read everything");
    });
    let error = Client::new(&address).expect("an address").status().await.expect_err("too long");
    assert!(matches!(error, ClientError::TooLong { .. }), "{error}");
    thread.join().expect("the server ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_that_are_none_are_refused_before_anything_is_sent() {
    for found in ["", "127.0.0.1:8700", "ftp://127.0.0.1/", "http://", "mailto:a@b", "file:///etc/passwd"] {
        assert!(matches!(Client::new(found), Err(ClientError::Address { .. })), "{found}");
    }
    let nobody = Client::new("http://127.0.0.1:1").expect("an address");
    assert!(matches!(nobody.status().await, Err(ClientError::NotReachable(_))));
}

/// A WebSocket as the standard says, for a server of a few messages.
fn upgrade(stream: &mut TcpStream, asked: &str, messages: &[String]) {
    let key = asked
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ").or(line.strip_prefix("sec-websocket-key: ")));
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.expect("a key").trim().as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("written");
    for message in messages {
        let length = u8::try_from(message.len()).expect("short");
        assert!(length < 126, "one byte of length");
        stream.write_all(&[0x81, length]).and_then(|()| stream.write_all(message.as_bytes())).expect("written");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_goes_on_where_it_was() {
    let event = |sequence: u64| {
        format!(r#"{{"type":"event","event":{{"sequence":{sequence},"height":1,"time":5,"kind":"Filled","fee":"1"}}}}"#)
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let thread = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for messages in [
            vec![event(4), event(5)],
            vec![],
            vec![event(6), r#"{"type":"gap","first":90}"#.to_owned()],
            vec!["{".to_owned()],
        ] {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = [0; 4096];
            let read = stream.read(&mut head).expect("a request");
            let text = String::from_utf8_lossy(&head[..read]).into_owned();
            upgrade(&mut stream, &text, &messages);
            asked.push(text.lines().next().unwrap_or_default().to_owned());
        }
        asked
    });
    let mut events = Client::new(&address).expect("an address").events(Some(3), &["Filled"]);
    for expected in [4, 5, 6] {
        let Ok(Message::Event { event }) = events.next().await else { panic!("an event") };
        assert_eq!((event.sequence, event.kind.as_str()), (expected, "Filled"));
        assert_eq!(event.fields["fee"], "1");
    }
    assert_eq!(events.next().await.expect("a message"), Message::Gap { first: 90 });
    let error = events.next().await.expect_err("no message");
    assert!(matches!(error, ClientError::NotUnderstood(_)), "{error}");
    let asked = thread.join().expect("the server ends");
    let after: Vec<&str> = asked.iter().filter_map(|line| line.split("after=").nth(1)?.split('&').next()).collect();
    assert_eq!(after, ["3", "5", "5", "89"], "each connection asks for what is missing: {asked:?}");
}
