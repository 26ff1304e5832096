//! Downloads against a server on loopback: nothing but the whole, right file ever stands under the final name.
use std::io::{Read, Write};
use std::net::TcpListener;
use std::ops::ControlFlow::{Break, Continue};
use std::path::Path;
use std::time::Duration;

use corpus::fetch::{FetchLimits, fetch};
use corpus::{Error, Kind, Result};
use sha2::{Digest, Sha256};

/// Answers one request with these bytes, then closes the connection.
fn serve(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/data/file.txt", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut buffer) = (Vec::new(), [0; 1024]);
        while !request.ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut buffer).unwrap();
            request.extend(&buffer[..read]);
        }
        // The client may hang up first, which some of these tests want.
        let _ = stream.write_all(&answer);
    });
    url
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n").into_bytes();
    answer.extend(body);
    answer
}

fn sized(body: &[u8], length: usize) -> Vec<u8> {
    answer("200 OK", &format!("Content-Type: text/plain\r\nContent-Length: {length}\r\n"), body)
}

fn sum(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|b| format!("{b:02x}")).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

const LIMITS: FetchLimits = FetchLimits { max_bytes: 1 << 20, patience: Duration::from_secs(5) };

/// Fetches into a folder that holds an older file of that name; on failure that file must be all there is.
fn refused(answer: Vec<u8>, sha256: &str) -> (String, Kind) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.txt");
    std::fs::write(&path, "older").unwrap();
    let url = serve(answer);
    let error = fetch(&url, &path, Some(sha256), LIMITS, &mut |_, _| Continue(())).unwrap_err();
    assert_eq!(files(folder.path()), ["file.txt"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "older");
    (error.to_string().replace(&url, "URL"), error.kind())
}

#[test]
fn a_good_file_arrives_whole_with_its_progress() -> Result<()> {
    let body: Vec<u8> =
        (0..300_000u32).flat_map(|i| format!("{i}\n").into_bytes()).take(900_000).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/file.txt");
    let mut steps = Vec::new();
    let done =
        fetch(&serve(sized(&body, body.len())), &path, Some(&sum(&body)), LIMITS, &mut |d, t| {
            steps.push((d, t));
            Continue(())
        })?;
    assert_eq!((done, std::fs::read(&path).unwrap() == body), (900_000, true));
    assert_eq!(files(path.parent().unwrap()), ["file.txt"]);
    assert_eq!((steps[0], *steps.last().unwrap()), ((0, Some(900_000)), (900_000, Some(900_000))));
    assert!(steps.len() > 2 && steps.windows(2).all(|w| w[0].0 < w[1].0));
    Ok(())
}

#[test]
fn chunked_answers_and_unknown_lengths_work() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.txt");
    let chunked =
        answer("200 OK", "Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n1\r\n\n\r\n0\r\n\r\n");
    assert_eq!(
        fetch(&serve(chunked), &path, Some(&sum(b"hello\n")), LIMITS, &mut |_, _| Continue(()))?,
        6
    );
    let open = answer("200 OK", "", b"until the end\n");
    assert_eq!(
        fetch(&serve(open), &path, None, LIMITS, &mut |_, t| if t.is_none() {
            Continue(())
        } else {
            Break(())
        })?,
        14
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"until the end\n");
    Ok(())
}

#[test]
fn a_wrong_sum_is_refused() {
    let (message, kind) = refused(sized(b"other text\n", 11), &sum(b"the text\n"));
    let what = format!(
        "fetching URL: 11 bytes came, but not the expected ones (sha256 {}…, expected {}…); \
         the public file has changed: look at the data set's source page",
        &sum(b"other text\n")[..12],
        &sum(b"the text\n")[..12]
    );
    assert_eq!((message, kind), (what, Kind::Data));
}

#[test]
fn a_body_cut_short_is_refused() {
    let (message, _) = refused(sized(b"half of", 14), &sum(b"half of it all"));
    assert!(message.contains("the connection ended after 7 of 14 bytes"), "{message}");
    let chunked = answer("200 OK", "Transfer-Encoding: chunked\r\n", b"ff\r\nhello");
    let (message, _) = refused(chunked, &sum(b"hello"));
    assert!(message.contains("the connection ended after"), "{message}");
}

#[test]
fn a_web_page_is_refused_by_type_and_by_content() {
    let page = b"\n<!DOCTYPE html><html><body>Please log in</body></html>";
    let cure = "the server sent a web page, not the file; open the address in a browser";
    let (message, _) =
        refused(answer("200 OK", "Content-Type: text/html; charset=utf-8\r\n", page), &sum(page));
    assert!(message.contains(cure), "{message}");
    let (message, _) = refused(sized(page, page.len()), &sum(page));
    assert!(message.contains(cure), "{message}");
}

#[test]
fn the_cap_holds_whether_or_not_the_server_tells_the_size() {
    let body = b"x".repeat((1 << 20) + 1);
    for answer in [sized(&body, body.len()), answer("200 OK", "", &body)] {
        let (message, _) = refused(answer, &sum(&body));
        assert!(message.contains("more than the 1048576 bytes expected"), "{message}");
    }
}

#[test]
fn statuses_and_silence_are_told() {
    let (message, _) = refused(answer("404 Not Found", "Content-Length: 0\r\n", b""), "");
    assert!(
        message.contains("the server answered 404 Not Found; the file may have moved"),
        "{message}"
    );
    let (message, _) = refused(Vec::new(), "");
    assert!(
        message.starts_with("fetching URL: ") && message.contains("check the network"),
        "{message}"
    );
}

#[test]
fn nobody_listening_is_told() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(
        &format!("http://{closed}/x"),
        &folder.path().join("x"),
        None,
        LIMITS,
        &mut |_, _| Continue(()),
    )
    .unwrap_err();
    assert!(
        matches!(&error, Error::Fetch { .. }) && error.to_string().contains("check the network"),
        "{error}"
    );
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_folder_that_cannot_be_made_is_told_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("taken"), "").unwrap();
    let path = folder.path().join("taken/file.txt");
    let error =
        fetch(&serve(sized(b"a\n", 2)), &path, None, LIMITS, &mut |_, _| Continue(())).unwrap_err();
    assert!(matches!(&error, Error::Io { .. }) && error.to_string().contains("taken"), "{error}");
}

#[test]
fn a_stopped_download_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let body = b"line\n".repeat(100_000);
    let url = serve(sized(&body, body.len()));
    let mut stop = |done, _| if done > 0 { Break(()) } else { Continue(()) };
    let error = fetch(&url, &folder.path().join("file.txt"), None, LIMITS, &mut stop).unwrap_err();
    assert!(error.to_string().ends_with("stopped; run it again to start over"), "{error}");
    assert!(files(folder.path()).is_empty());
}
