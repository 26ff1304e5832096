//! Parameters as a list of named tensors, in PyTorch's layout and names.
//!
//! A gradient has the type of its parameters ([`Params::zeros_like`]), so the optimizer, clipping, gradient checks
//! and files walk two such values side by side and know no model.

use std::fmt;

use ndarray::{Array1, Array2};

use crate::real::Real;

/// A tensor's name, such as `rnn.weight_ih_l0`: put together without allocation, because it is asked for every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    prefix: &'static str,
    stem: &'static str,
    layer: Option<usize>,
}

impl Name {
    /// A plain name.
    pub const fn new(stem: &'static str) -> Self {
        Self { prefix: "", stem, layer: None }
    }

    /// With the number of its layer appended.
    pub const fn layer(self, layer: usize) -> Self {
        Self { layer: Some(layer), ..self }
    }

    /// With a prefix: one model inside another.
    pub const fn under(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix, self.stem)?;
        self.layer.map_or(Ok(()), |layer| write!(f, "{layer}"))
    }
}

/// Vector or matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// So many numbers.
    Vector(usize),
    /// Rows and columns, row-major.
    Matrix(usize, usize),
}

impl Shape {
    /// Sizes from the outermost to the innermost.
    pub fn dims(self) -> Vec<usize> {
        match self {
            Shape::Vector(n) => vec![n],
            Shape::Matrix(rows, columns) => vec![rows, columns],
        }
    }

    /// How many numbers.
    pub fn numbers(self) -> usize {
        match self {
            Shape::Vector(n) => n,
            Shape::Matrix(rows, columns) => rows * columns,
        }
    }

    /// How many numbers a row has; a vector is one row.
    pub fn row(self) -> usize {
        match self {
            Shape::Vector(n) | Shape::Matrix(_, n) => n.max(1),
        }
    }
}

/// One tensor, to read.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a, R> {
    /// Its name.
    pub name: Name,
    /// Its shape.
    pub shape: Shape,
    /// Its numbers, row by row.
    pub data: &'a [R],
    /// False for frozen tensors: stored, but left alone by the optimizer.
    pub trained: bool,
}

/// One tensor, to write.
#[derive(Debug)]
pub struct TensorMut<'a, R> {
    /// Its name.
    pub name: Name,
    /// Its shape.
    pub shape: Shape,
    /// Its numbers, row by row.
    pub data: &'a mut [R],
    /// False for frozen tensors.
    pub trained: bool,
}

impl<'a, R> Tensor<'a, R> {
    /// A trained matrix in standard layout.
    ///
    /// # Panics
    /// When it is in another layout.
    pub fn matrix(name: Name, w: &'a Array2<R>) -> Self {
        let (shape, data) = (Shape::Matrix(w.nrows(), w.ncols()), w.as_slice());
        Self { name, shape, data: data.expect("standard layout"), trained: true }
    }

    /// A trained vector in standard layout.
    ///
    /// # Panics
    /// When it is in another layout.
    pub fn vector(name: Name, b: &'a Array1<R>) -> Self {
        let data = b.as_slice().expect("standard layout");
        Self { name, shape: Shape::Vector(data.len()), data, trained: true }
    }
}

impl<'a, R> TensorMut<'a, R> {
    /// [`Tensor::matrix`], to write.
    ///
    /// # Panics
    /// Likewise.
    pub fn matrix(name: Name, w: &'a mut Array2<R>) -> Self {
        let (shape, data) = (Shape::Matrix(w.nrows(), w.ncols()), w.as_slice_mut());
        Self { name, shape, data: data.expect("standard layout"), trained: true }
    }

    /// [`Tensor::vector`], to write.
    ///
    /// # Panics
    /// Likewise.
    pub fn vector(name: Name, b: &'a mut Array1<R>) -> Self {
        let data = b.as_slice_mut().expect("standard layout");
        Self { name, shape: Shape::Vector(data.len()), data, trained: true }
    }
}

/// Values made of named tensors: weights, and the gradients with respect to them.
pub trait Params: Clone + Send + Sync {
    /// The number type.
    type Num: Real;

    /// Calls `each` with every tensor, always in the same order.
    fn tensors<'a>(&'a self, each: &mut dyn FnMut(Tensor<'a, Self::Num>));

    /// The same tensors in the same order, to write.
    fn tensors_mut<'a>(&'a mut self, each: &mut dyn FnMut(TensorMut<'a, Self::Num>));

    /// A value of the same shapes, all zero.
    fn zeros_like(&self) -> Self {
        let mut zeros = self.clone();
        zeros.set_zero();
        zeros
    }

    /// Sets every number to zero.
    fn set_zero(&mut self) {
        self.tensors_mut(&mut |t| t.data.fill(Real::of(0.0)));
    }

    /// Takes over the numbers of a value of the same shapes, without allocation.
    fn copy_from(&mut self, other: &Self) {
        let mut sources = Vec::new();
        other.tensors(&mut |t| sources.push(t.data));
        let mut sources = sources.into_iter();
        self.tensors_mut(&mut |t| t.data.copy_from_slice(sources.next().expect("as many tensors")));
    }

    /// How many numbers in all tensors together.
    fn numbers(&self) -> usize {
        let mut numbers = 0;
        self.tensors(&mut |t| numbers += t.data.len());
        numbers
    }

    /// How many of them are (exactly zero, below 1e-3 of the root mean square of their tensor).
    fn sparsity(&self) -> (usize, usize) {
        let (mut zero, mut negligible) = (0, 0);
        self.tensors(&mut |t| {
            let squares: f64 = t.data.iter().map(|x| x.as_f64() * x.as_f64()).sum();
            let bound = 1e-3 * (squares / t.data.len().max(1) as f64).sqrt();
            zero += t.data.iter().filter(|x| x.as_f64() == 0.0).count();
            let small = |x: &&Self::Num| x.as_f64() == 0.0 || x.as_f64().abs() < bound;
            negligible += t.data.iter().filter(small).count();
        });
        (zero, negligible)
    }
}

/// An empty list that keeps its memory but not the lifetime of what it held: lists of slices are made anew every step
/// without allocation (the standard library collects such an iterator in place).
pub(crate) fn recycle<'b, T: ?Sized>(mut list: Vec<&mut T>) -> Vec<&'b mut T> {
    list.clear();
    list.into_iter().map(|_| unreachable!("the list is empty")).collect()
}

/// [`recycle`] for shared slices.
pub(crate) fn recycle_shared<'b, T: ?Sized>(mut list: Vec<&T>) -> Vec<&'b T> {
    list.clear();
    list.into_iter().map(|_| unreachable!("the list is empty")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recycled_lists_keep_their_memory() {
        let mut kept: Vec<&'static mut [f32]> = Vec::with_capacity(8);
        let place = kept.as_ptr().addr();
        for _ in 0..3 {
            let mut numbers = [1f32, 2.0];
            let mut list = recycle(kept);
            list.push(&mut numbers);
            kept = recycle(list);
        }
        assert_eq!((kept.as_ptr().addr(), kept.len()), (place, 0));
    }

    #[test]
    fn names() {
        assert_eq!(Name::new("weight_ih_l").layer(1).under("rnn.").to_string(), "rnn.weight_ih_l1");
        assert_eq!(Name::new("decoder.bias").to_string(), "decoder.bias");
    }
}
