// SPDX-License-Identifier: MIT
// gaunt::harmonics, spherical harmonics of the directions of vectors.
#pragma once

#include "operators.h"

namespace {

void check_harmonics(const Tensor &vectors, int64_t degree)
{
  TORCH_CHECK(0 <= degree && degree <= gaunt::max_filter_degree, "gaunt: degree ", degree,
              " is not between 0 and ", gaunt::max_filter_degree);
  check_shape("vectors", vectors, {vectors.size(0), 3});
}

/// The degree of harmonics whose adjoint this is.
int degree_of_adjoint(const Tensor &adjoint, const Tensor &vectors)
{
  check_shape("adjoint", adjoint, {vectors.size(0), adjoint.size(-1)});
  const int degree = degree_of(adjoint.size(1));
  check_harmonics(vectors, degree);
  return degree;
}

Tensor harmonics(const Tensor &vectors, int64_t degree)
{
  check_harmonics(vectors, degree);
  return for_dtype(vectors, [&](auto real) {
    using Real = decltype(real);
    const Tensor rows = dense(vectors);
    const gaunt::Harmonics<Real> shape{static_cast<int>(degree), input<Real>(rows)};
    Tensor out = at::empty({rows.size(0), (degree + 1) * (degree + 1)}, rows.options());
    in_parallel(rows.size(0), parts_for(rows.size(0)), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().harmonics(shape, range, out.data_ptr<Real>());
    });
    return out;
  });
}

Tensor harmonics_gradient(const Tensor &adjoint, const Tensor &vectors)
{
  return for_dtype(vectors, [&](auto real) {
    using Real = decltype(real);
    const Tensor rows = dense(vectors), a = dense(adjoint);
    const gaunt::Harmonics<Real> shape{degree_of_adjoint(a, rows), input<Real>(rows)};
    Tensor out = at::empty_like(rows);
    in_parallel(rows.size(0), parts_for(rows.size(0)), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().harmonics_gradient(shape, a.const_data_ptr<Real>(), range,
                                                out.data_ptr<Real>());
    });
    return out;
  });
}

std::tuple<Tensor, Tensor> harmonics_second(const Tensor &adjoint, const Tensor &vectors,
                                            const Tensor &tangent)
{
  return for_dtype(vectors, [&](auto real) {
    using Real = decltype(real);
    const Tensor rows = dense(vectors), moving = dense(tangent), a = dense(adjoint);
    gaunt::Harmonics<Real> shape{degree_of_adjoint(a, rows), input<Real>(rows)};
    shape.vectors.tangent = moving.const_data_ptr<Real>();
    Tensor values = at::empty_like(a), gradient = at::empty_like(rows);
    in_parallel(rows.size(0), parts_for(rows.size(0)), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().harmonics(shape, range, values.data_ptr<Real>());
      gaunt::kernels<Real>().harmonics_gradient(shape, a.const_data_ptr<Real>(), range,
                                                gradient.data_ptr<Real>());
    });
    return std::make_tuple(values, gradient);
  });
}

struct HarmonicsGradientFunction : Function<HarmonicsGradientFunction> {
  static Tensor forward(AutogradContext *context, const Tensor &adjoint, const Tensor &vectors)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    static const auto op =
        operator_named<decltype(harmonics_gradient)>("gaunt::harmonics_gradient");
    context->save_for_backward({adjoint, vectors});
    return op.call(adjoint, vectors);
  }
  static variable_list backward(AutogradContext *context, variable_list tangents)
  {
    const auto saved = context->get_saved_variables();
    static const auto op = operator_named<decltype(harmonics_second)>("gaunt::harmonics_second");
    auto [d_adjoint, d_vectors] = op.call(saved[0], saved[1], tangents[0]);
    return {d_adjoint, d_vectors};
  }
};

Tensor harmonics_gradient_autograd(const Tensor &adjoint, const Tensor &vectors)
{
  return HarmonicsGradientFunction::apply(adjoint, vectors);
}

struct HarmonicsFunction : Function<HarmonicsFunction> {
  static Tensor forward(AutogradContext *context, const Tensor &vectors, int64_t degree)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    static const auto op = operator_named<decltype(harmonics)>("gaunt::harmonics");
    context->save_for_backward({vectors});
    return op.call(vectors, degree);
  }
  static variable_list backward(AutogradContext *context, variable_list adjoints)
  {
    static const auto op =
        operator_named<decltype(harmonics_gradient)>("gaunt::harmonics_gradient");
    return {op.call(adjoints[0], context->get_saved_variables()[0]), {}};
  }
};

Tensor harmonics_autograd(const Tensor &vectors, int64_t degree)
{
  return HarmonicsFunction::apply(vectors, degree);
}

} // namespace
