//! Downloads: into a `.part` file beside the destination, checked, then renamed.
//!
//! A file stands under its final name only if it came whole, within the size cap, is no web page, and has the expected
//! SHA-256. After a failure nothing is left: neither the `.part` file nor a changed destination.
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::dataset::hex;
use crate::error::{Error, Result};

/// What a download may cost.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// No more bytes than this are read.
    pub max_bytes: u64,
    /// How long connecting, and then each wait for more bytes, may take.
    pub patience: Duration,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { max_bytes: 1 << 30, patience: Duration::from_secs(30) }
    }
}

/// Downloads `url` to `path`, whose folder is made if need be. `progress` gets the bytes done and, where the server
/// tells, the bytes in all, and may end the download. Returns the bytes of the file.
///
/// # Errors
/// [`Error::Fetch`] says which of these it was: no connection, an HTTP status other than 200, a web page, more than the
/// cap, a connection that ended early, another sum. [`Error::Io`] where the file cannot be written.
pub fn fetch(
    url: &str,
    path: &Path,
    sha256: Option<&str>,
    limits: FetchLimits,
    progress: &mut dyn FnMut(u64, Option<u64>) -> ControlFlow<()>,
) -> Result<u64> {
    let fail = |what: String, cure| Error::Fetch { url: url.into(), what, cure };
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(limits.patience))
        .timeout_recv_response(Some(limits.patience))
        .timeout_per_read(Some(limits.patience))
        .build();
    let mut response =
        config.new_agent().get(url).call().map_err(|e| fail(reason(&e), TRY_AGAIN))?;
    if response.status() != 200 {
        return Err(fail(
            format!("the server answered {}", response.status()),
            "the file may have moved: look at the data set's source page",
        ));
    }
    let page = response.body().mime_type().is_some_and(|t| t.eq_ignore_ascii_case("text/html"));
    let total = response.body().content_length();
    let too_large = || {
        fail(
            format!("more than the {} bytes expected", limits.max_bytes),
            "the public file has changed: look at the data set's source page",
        )
    };
    if page {
        return Err(fail(WEB_PAGE.into(), OPEN_IT));
    }
    if total.is_some_and(|t| t > limits.max_bytes) {
        return Err(too_large());
    }

    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.into(), source })?;
    let name = path.file_name().map_or_else(String::new, |n| format!("{}.", n.to_string_lossy()));
    let part = tempfile::Builder::new().prefix(&name).suffix(".part").tempfile_in(folder);
    let mut part = part.map_err(|source| Error::Io { path: folder.into(), source })?;
    let write = |source| Error::Io { path: path.into(), source };

    let (mut hash, mut done, mut buffer) = (Sha256::new(), 0u64, vec![0; 1 << 16]);
    let mut body = response.body_mut().as_reader();
    let stopped = || fail("stopped".into(), "run it again to start over");
    if progress(0, total).is_break() {
        return Err(stopped());
    }
    loop {
        let early = |e: std::io::Error| {
            let of = total.map_or_else(String::new, |t| format!(" of {t}"));
            fail(format!("the connection ended after {done}{of} bytes ({e})"), TRY_AGAIN)
        };
        let read = body.read(&mut buffer).map_err(early)?;
        if read == 0 {
            break;
        }
        if done == 0 && looks_like_a_page(&buffer[..read]) {
            return Err(fail(WEB_PAGE.into(), OPEN_IT));
        }
        done += read as u64;
        if done > limits.max_bytes {
            return Err(too_large());
        }
        hash.update(&buffer[..read]);
        part.write_all(&buffer[..read]).map_err(write)?;
        if progress(done, total).is_break() {
            return Err(stopped());
        }
    }
    if let Some(total) = total.filter(|&t| t != done) {
        return Err(fail(format!("the connection ended after {done} of {total} bytes"), TRY_AGAIN));
    }
    let sum = hex(&hash.finalize());
    if let Some(expected) = sha256.filter(|&s| s != sum) {
        let what = format!(
            "{done} bytes came, but not the expected ones (sha256 {}…, expected {}…)",
            &sum[..12],
            &expected[..expected.len().min(12)]
        );
        return Err(fail(what, "the public file has changed: look at the data set's source page"));
    }
    part.as_file().sync_all().map_err(write)?;
    readable(part.as_file()).map_err(write)?;
    part.persist(path).map_err(|e| write(e.error))?;
    std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(write)?;
    Ok(done)
}

const TRY_AGAIN: &str = "check the network (and HTTPS_PROXY, if you need one), then try again";
const WEB_PAGE: &str = "the server sent a web page, not the file";
const OPEN_IT: &str = "open the address in a browser: it may want a log-in or consent";

/// Temporary files are private; a data set is an ordinary file.
fn readable(file: &std::fs::File) -> std::io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    let _ = file;
    Ok(())
}

fn looks_like_a_page(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&head[..head.len().min(512)]).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    [
        "<!doctype html",
        "<html",
        "<head",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!doctype html",
    ]
    .iter()
    .any(|p| text.starts_with(p))
}

fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "no such host, or no network".into(),
        ureq::Error::ConnectionFailed => "the connection failed".into(),
        ureq::Error::Timeout(_) => "the server did not answer in time".into(),
        ureq::Error::Io(e) => e.to_string(),
        other => other.to_string(),
    }
}
