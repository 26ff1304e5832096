//! A learning curve as an event file that TensorBoard opens.
//!
//! The file is a sequence of records, `length: u64, masked CRC-32C of it, bytes, masked CRC-32C of them` (TensorFlow,
//! `record_writer.h`), each an `Event` message (`event.proto`): wall time (1, double), step (2, int64), and either the
//! version (3, string) or a summary (5) of values (1) with a tag (1, string) and a number (2, float).
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use lm::{CurvePoint, Perplexity};

/// An event file being written.
pub struct EventFile {
    file: File,
}

impl EventFile {
    /// A new file in `folder`, which is made if need be.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(folder: &Path) -> Result<Self> {
        let path = folder.join(format!("events.out.tfevents.{}.lmlab", now() as u64));
        std::fs::create_dir_all(folder)
            .and_then(|()| File::create(&path))
            .with_context(|| path.display().to_string())
            .map(|file| Self { file })
            .and_then(|mut events| {
                events.write(&event(now(), 0, &bytes(3, b"brain.Event:2")))?;
                Ok(events)
            })
    }

    /// Writes a point of the learning curve.
    ///
    /// # Errors
    /// What the file system says.
    pub fn point(&mut self, point: &CurvePoint) -> Result<()> {
        let values = [
            ("perplexity/train", Perplexity::of_mean_nll(point.train_nll)),
            ("perplexity/valid", Perplexity::of_mean_nll(point.valid_nll)),
            ("loss/train", point.train_nll),
            ("loss/valid", point.valid_nll),
            ("rate", point.rate),
            ("gradient/norm", point.grad_norm),
            ("gradient/clipped_share", point.clipped),
            ("tokens_per_second", point.tokens as f64 / point.seconds.max(1e-9)),
        ];
        let summary: Vec<u8> =
            values.iter().flat_map(|(tag, number)| bytes(1, &value(tag, *number))).collect();
        self.write(&event(now(), point.step, &bytes(5, &summary)))
    }

    fn write(&mut self, message: &[u8]) -> Result<()> {
        self.file.write_all(&record(message)).context("writing the event file")
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    [&length, masked(&length).as_slice(), message, &masked(message)].concat()
}

/// A CRC of data that may hold CRCs itself is rotated and shifted, so that the two do not meet.
fn masked(data: &[u8]) -> [u8; 4] {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn event(wall_time: f64, step: u64, what: &[u8]) -> Vec<u8> {
    let mut out = vec![1 << 3 | 1];
    out.extend(wall_time.to_le_bytes());
    out.push(2 << 3);
    varint(step, &mut out);
    out.extend(what);
    out
}

fn value(tag: &str, number: f64) -> Vec<u8> {
    let mut out = bytes(1, tag.as_bytes());
    out.push(2 << 3 | 5);
    out.extend((number as f32).to_le_bytes());
    out
}

/// A field of length-delimited bytes.
fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    varint(content.len() as u64, &mut out);
    out.extend(content);
    out
}

/// Seven bits a byte, the least first.
fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_bytes_of_the_format() {
        // CRC-32C of "123456789" is the check value of the Castagnoli polynomial.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(masked(b"123456789"), 0xc78a_b0e5_u32.to_le_bytes());
        let record = record(b"123456789");
        assert_eq!(record.len(), 8 + 4 + 9 + 4);
        assert_eq!(&record[..8], &9_u64.to_le_bytes());
        assert_eq!(&record[12..21], b"123456789");
    }

    #[test]
    fn messages_have_the_bytes_of_protocol_buffers() {
        let mut out = Vec::new();
        varint(300, &mut out);
        assert_eq!(out, [0xac, 0x02]);
        assert_eq!(bytes(3, b"ab"), [26, 2, b'a', b'b']);
        assert_eq!(value("t", 1.0), [10, 1, b't', 21, 0, 0, 128, 63]);
        assert_eq!(event(0.0, 5, &[])[9..], [16, 5]);
    }
}
