// SPDX-License-Identifier: MIT
// gaunt::degree_linear, matrices between channels, one for each degree.
#pragma once

#include "operators.h"

namespace {

/// Matrices with padded columns. A gradient has those of the value transposed, as a view.
template <class Real> Tensor readable_matrices(const Tensor &weight)
{
  const Tensor columns = weight.transpose(1, 2);
  constexpr int64_t multiple = gaunt::channel_multiple<Real>;
  const bool whole = weight.size(1) % multiple == 0 && weight.size(2) % multiple == 0;
  return whole && !weight.is_contiguous() && columns.is_contiguous() ? transposed<Real>(columns)
                                                                     : padded<Real>(weight);
}

Tensor degree_linear(const Tensor &x, const Tensor &weight)
{
  TORCH_CHECK(x.dim() == 3 && weight.dim() == 3 &&
                  degree_of(x.size(1)) + 1 == weight.size(0) && x.size(2) == weight.size(1),
              "gaunt: matrices of shape ", weight.sizes(), " for coefficients of shape ",
              x.sizes());
  return for_dtype(x, [&](auto real) {
    using Real = decltype(real);
    const Tensor rows = dense(x), matrices = readable_matrices<Real>(weight);
    const gaunt::DegreeLinear<Real> shape{
        static_cast<int>(weight.size(0)) - 1, static_cast<int>(matrices.size(1)),
        static_cast<int>(matrices.size(2)), rows.const_data_ptr<Real>(),
        matrices.const_data_ptr<Real>()};
    Tensor out = at::empty({x.size(0), x.size(1), matrices.size(2)}, x.options());
    in_parallel(x.size(0), parts_for(x.size(0)), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().degree_linear(shape, range, out.data_ptr<Real>());
    });
    return narrowed(out, weight.size(2));
  });
}

/// Gradient of the sum of adjoint times degree_linear(x, weight) by weight.
Tensor degree_linear_weights(const Tensor &x, const Tensor &adjoint)
{
  check_shape("adjoint", adjoint, {x.size(0), x.size(1), adjoint.size(-1)});
  return for_dtype(x, [&](auto real) {
    using Real = decltype(real);
    const Tensor rows = dense(x), a = padded<Real>(adjoint);
    const gaunt::DegreeLinear<Real> shape{degree_of(x.size(1)), static_cast<int>(x.size(2)),
                                          static_cast<int>(a.size(2)),
                                          rows.const_data_ptr<Real>(), nullptr};
    const int64_t nodes = x.size(0), parts = parts_for(nodes);
    Tensor out = at::zeros({parts, shape.degree + 1, x.size(2), a.size(2)}, x.options());
    in_parallel(nodes, parts, [&](gaunt::Range range, int64_t part) {
      gaunt::kernels<Real>().degree_linear_weights(shape, a.const_data_ptr<Real>(), range,
                                                   out[part].template data_ptr<Real>());
    });
    return narrowed(sum_of_parts(out), adjoint.size(2));
  });
}

// y = x W is bilinear: its derivatives are the same two operations again.

Tensor call_degree_linear(const Tensor &x, const Tensor &weight)
{
  static const auto op = operator_named<decltype(degree_linear)>("gaunt::degree_linear");
  return op.call(x, weight);
}

Tensor call_degree_linear_weights(const Tensor &x, const Tensor &adjoint)
{
  static const auto op =
      operator_named<decltype(degree_linear_weights)>("gaunt::degree_linear_weights");
  return op.call(x, adjoint);
}

struct DegreeLinearWeightsFunction : Function<DegreeLinearWeightsFunction> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &adjoint)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, adjoint});
    return call_degree_linear_weights(x, adjoint);
  }
  static variable_list backward(AutogradContext *context, variable_list weights)
  {
    const auto saved = context->get_saved_variables();
    return {call_degree_linear(saved[1], weights[0].transpose(1, 2)),
            call_degree_linear(saved[0], weights[0])};
  }
};

Tensor degree_linear_weights_autograd(const Tensor &x, const Tensor &adjoint)
{
  return DegreeLinearWeightsFunction::apply(x, adjoint);
}

struct DegreeLinearFunction : Function<DegreeLinearFunction> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, weight});
    return call_degree_linear(x, weight);
  }
  static variable_list backward(AutogradContext *context, variable_list adjoints)
  {
    const auto saved = context->get_saved_variables();
    return {context->needs_input_grad(0)
                ? call_degree_linear(adjoints[0], saved[1].transpose(1, 2))
                : Tensor(),
            context->needs_input_grad(1) ? call_degree_linear_weights(saved[0], adjoints[0])
                                         : Tensor()};
  }
};

Tensor degree_linear_autograd(const Tensor &x, const Tensor &weight)
{
  return DegreeLinearFunction::apply(x, weight);
}

Tensor degree_linear_meta(const Tensor &x, const Tensor &weight)
{
  return x.new_empty_symint({x.sym_size(0), x.sym_size(1), weight.sym_size(2)});
}

Tensor degree_linear_weights_meta(const Tensor &x, const Tensor &adjoint)
{
  return x.new_empty_symint({degree_of(x.size(1)) + 1, x.sym_size(2), adjoint.sym_size(2)});
}

} // namespace
