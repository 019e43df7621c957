// SPDX-License-Identifier: MIT
// The kernels for one instruction set. Compiled once for each, with GAUNT_INSTRUCTION_SET defined.
#include "convolution_gradient.h"
#include "degree_linear.h"
#include "degree_weights.h"
#include "grid_product.h"
#include "harmonics.h"
#include "many_body.h"

namespace gaunt::GAUNT_INSTRUCTION_SET {

template <class Real>
constexpr Kernels<Real> table = {
    convolution<Real>,    convolution_gradient<Real>,
    grid_product<Real>,   grid_product_gradient<Real>,
    many_body<Real>,      many_body_gradient<Real>,
    degree_linear<Real>,  degree_linear_weights<Real>,
    transpose<Real>,
    degree_weights<Real>, degree_weights_gradient<Real>,
    harmonics<Real>,      harmonics_gradient<Real>,
};

const Kernels<float> &kernels_float() { return table<float>; }
const Kernels<double> &kernels_double() { return table<double>; }

} // namespace gaunt::GAUNT_INSTRUCTION_SET
