//! The binary file of a table: one header, 64-byte aligned sections, a checksum for each, read through a memory map.
//!
//! ```text
//! bytes 0–7    magic "LMLABNGT"
//! bytes 8–15   version (low half), kind of table (high half)
//! bytes 16–23  length of the file
//! bytes 24–31  number of sections
//! bytes 32–39  checksum of the header, itself taken as zero
//! bytes 40–    for every section: offset, bytes, checksum
//!              zeros up to a multiple of 64, then the sections one after the other, each padded with zeros to 64
//! ```
//! All numbers are little-endian u64. A section's checksum covers its padding, the header's everything before the first
//! section: no byte of the file is left unchecked, so a file with any bit flipped or cut at any byte is refused when it is
//! opened. That reads the file once, front to back, at memory speed: what a first pass of queries over a mapped
//! file would fault in anyway. Nothing is parsed, moved or built.
mod atomic;
mod checksum;
mod view;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytemuck::{AnyBitPattern, Pod};
use lm::{Error, Result};
use rayon::prelude::*;

pub(crate) use atomic::write_atomically;
use checksum::checksum;
pub(crate) use view::View;
use view::{Block, Storage};

const MAGIC: [u8; 8] = *b"LMLABNGT";
/// Of the format.
pub(crate) const VERSION: u64 = 1;
const ALIGN: usize = 64;
const FIXED: usize = 40; // bytes of the header before the section list
const MAX_SECTIONS: u64 = 1 << 10;

/// A checked image of a table file, mapped or in memory.
pub(crate) struct Image {
    storage: Arc<Storage>,
    kind: u32,
    sections: Vec<Range<usize>>,
    path: PathBuf,
}

impl Image {
    /// Maps a file and checks every byte of it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let bad = |what: String| refused(path, what);
        let storage = Storage::map(path)?;
        let bytes = storage.bytes();
        if bytes.len() < FIXED || bytes[..8] != MAGIC {
            return Err(bad(
                "this is no n-gram table (the file does not begin with its mark)".into()
            ));
        }
        let word =
            |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let (version, kind, count) = (word(8) & 0xffff_ffff, word(8) >> 32, word(24));
        if version != VERSION {
            return Err(bad(format!(
                "format version {version}, this program reads version {VERSION}"
            )));
        }
        if word(16) != bytes.len() as u64 {
            return Err(bad(format!(
                "cut short or extended: {} bytes, the header says {}",
                bytes.len(),
                word(16)
            )));
        }
        let header = padded(FIXED + 24 * count.min(MAX_SECTIONS) as usize);
        if count > MAX_SECTIONS
            || header > bytes.len()
            || header_checksum(&bytes[..header]) != word(32)
        {
            return Err(bad("the header is damaged (its checksum differs)".into()));
        }
        let (mut sections, mut end) = (Vec::new(), header);
        for i in 0..count as usize {
            let [offset, length, sum] = [0, 8, 16].map(|k| word(FIXED + 24 * i + k));
            let extent =
                usize::try_from(length).ok().filter(|&l| l <= bytes.len() - end).map(padded);
            let Some(extent) = extent.filter(|&l| offset == end as u64 && l <= bytes.len() - end)
            else {
                return Err(bad(format!("section {i} does not lie where the header says")));
            };
            if checksum(&bytes[end..end + extent]) != sum {
                return Err(bad(format!(
                    "section {i} (bytes {end} to {}) is damaged: its checksum differs",
                    end + extent
                )));
            }
            sections.push(end..end + length as usize);
            end += extent;
        }
        if end != bytes.len() {
            return Err(bad(format!("{} bytes after the last section", bytes.len() - end)));
        }
        Ok(Self { storage: Arc::new(storage), kind: kind as u32, sections, path: path.into() })
    }

    /// The kind of table in it.
    pub(crate) fn kind(&self) -> u32 {
        self.kind
    }

    /// Length of the file.
    pub(crate) fn len(&self) -> usize {
        self.storage.bytes().len()
    }

    /// Length of every section with its padding.
    pub(crate) fn section_bytes(&self) -> Vec<usize> {
        self.sections.iter().map(|s| padded(s.len())).collect()
    }

    /// The bytes of a section.
    pub(crate) fn section(&self, index: usize) -> Result<&[u8]> {
        let range = self
            .sections
            .get(index)
            .ok_or_else(|| self.refused(format!("section {index} is missing")))?;
        Ok(&self.storage.bytes()[range.clone()])
    }

    /// A section as `len` values of one type.
    pub(crate) fn view<T: AnyBitPattern>(&self, index: usize, len: usize) -> Result<View<T>> {
        let bytes = self.section(index)?.len();
        if len.checked_mul(size_of::<T>()) != Some(bytes) {
            return Err(self.refused(format!(
                "section {index} has {bytes} bytes, not {len} values of {}",
                size_of::<T>()
            )));
        }
        Ok(View::new(&self.storage, self.sections[index].start, len))
    }

    /// An error about this file.
    pub(crate) fn refused(&self, what: String) -> Error {
        refused(&self.path, what)
    }

    /// Writes the image to a file, atomically.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        write_atomically(path, |file| std::io::Write::write_all(file, self.storage.bytes()))
    }
}

/// Puts an image together, section by section.
pub(crate) struct ImageBuilder {
    /// Zeros from `used` on.
    blocks: Vec<Block>,
    used: usize,
    sections: Vec<(usize, usize)>,
    kind: u32,
    capacity: usize,
}

impl ImageBuilder {
    /// For a file of so many sections.
    pub(crate) fn new(kind: u32, sections: usize) -> Self {
        Self::with_room(kind, sections, 0)
    }

    /// With memory for so many bytes of file: sections are not moved as more are added.
    pub(crate) fn with_room(kind: u32, sections: usize, bytes: usize) -> Self {
        assert!(sections as u64 <= MAX_SECTIONS, "too many sections");
        let header = padded(FIXED + 24 * sections);
        Self {
            blocks: vec![Block::default(); bytes.div_ceil(ALIGN).max(header / ALIGN)],
            used: header / ALIGN,
            sections: Vec::new(),
            kind,
            capacity: sections,
        }
    }

    /// Appends a section.
    pub(crate) fn push<T: Pod>(&mut self, values: &[T]) {
        self.add(values.len()).copy_from_slice(values);
    }

    /// Appends a section of so many values, all bits zero, to be filled.
    pub(crate) fn add<T: Pod>(&mut self, len: usize) -> &mut [T] {
        let (start, bytes) = (self.used, len * size_of::<T>());
        self.sections.push((start * ALIGN, bytes));
        self.used += bytes.div_ceil(ALIGN);
        if self.used > self.blocks.len() {
            self.blocks.resize(self.used, Block::default());
        }
        let section: &mut [u8] = bytemuck::cast_slice_mut(&mut self.blocks[start..self.used]);
        bytemuck::cast_slice_mut(&mut section[..bytes])
    }

    /// The finished image.
    pub(crate) fn finish(mut self) -> Image {
        assert_eq!(self.sections.len(), self.capacity, "as many sections as were announced");
        let header = padded(FIXED + 24 * self.capacity);
        self.blocks.truncate(self.used);
        let sums: Vec<u64> = {
            let bytes: &[u8] = bytemuck::cast_slice(&self.blocks);
            let sum = |&(offset, length)| checksum(&bytes[offset..offset + padded(length)]);
            self.sections.par_iter().map(sum).collect()
        };
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.blocks);
        let total = bytes.len() as u64;
        let put = |at: usize, bytes: &mut [u8], value: u64| {
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes())
        };
        bytes[..8].copy_from_slice(&MAGIC);
        put(8, bytes, VERSION | u64::from(self.kind) << 32);
        put(16, bytes, total);
        put(24, bytes, self.capacity as u64);
        for (i, (&(offset, length), sum)) in self.sections.iter().zip(sums).enumerate() {
            [offset as u64, length as u64, sum]
                .into_iter()
                .zip([0, 8, 16])
                .for_each(|(v, k)| put(FIXED + 24 * i + k, bytes, v));
        }
        let sum = header_checksum(&bytes[..header]);
        put(32, bytes, sum);
        let sections =
            self.sections.iter().map(|&(offset, length)| offset..offset + length).collect();
        let storage = Arc::new(Storage::Owned(self.blocks));
        Image { storage, kind: self.kind, sections, path: "a table in memory".into() }
    }
}

/// Bytes of a file with sections of these lengths.
pub(crate) fn file_bytes(sections: &[usize]) -> usize {
    padded(FIXED + 24 * sections.len()) + sections.iter().map(|&l| padded(l)).sum::<usize>()
}

fn padded(bytes: usize) -> usize {
    bytes.div_ceil(ALIGN) * ALIGN
}

fn header_checksum(header: &[u8]) -> u64 {
    let mut header = header.to_vec();
    header[32..40].fill(0);
    checksum(&header)
}

fn refused(path: &Path, what: String) -> Error {
    Error::File {
        path: path.into(),
        what,
        cure: "write the table again (from the corpus or its ARPA file)".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, SeekFrom, Write};

    fn sample() -> Vec<u8> {
        let mut builder = ImageBuilder::new(7, 3);
        builder.push(&[1u64, 2, 3]);
        builder.push::<u8>(&[]);
        builder.push(b"a few words of text, longer than one block of sixty-four bytes in all");
        builder.finish().storage.bytes().to_vec()
    }

    fn open(bytes: &[u8]) -> Result<Image> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Image::open(file.path())
    }

    #[test]
    fn sections_come_back() {
        let image = open(&sample()).unwrap();
        assert_eq!(image.kind(), 7);
        assert_eq!(&*image.view::<u64>(0, 3).unwrap(), &[1, 2, 3]);
        assert!(image.section(1).unwrap().is_empty());
        assert!(image.section(2).unwrap().starts_with(b"a few"));
        assert!(image.view::<u64>(0, 2).is_err() && image.section(3).is_err());
    }

    #[test]
    fn every_truncation_and_every_bit_flip_is_refused() {
        let good = sample();
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |at: usize, bytes: &[u8]| {
            file.as_file()
                .seek(SeekFrom::Start(at as u64))
                .and_then(|_| file.as_file().write_all(bytes))
                .unwrap();
        };
        let opens = || Image::open(file.path()).is_ok();
        write(0, &good);
        assert!(opens());
        for bit in 0..good.len() * 8 {
            write(bit / 8, &[good[bit / 8] ^ 1 << (bit % 8)]);
            assert!(!opens(), "bit {bit}");
            write(bit / 8, &good[bit / 8..bit / 8 + 1]);
        }
        write(good.len(), &[0; 64]);
        assert!(!opens(), "extended");
        for length in (0..good.len()).rev() {
            file.as_file().set_len(length as u64).unwrap();
            assert!(!opens(), "cut at byte {length}");
        }
    }
}
