// SPDX-License-Identifier: MIT
// gaunt::degree_weights, one weight for each degree and channel.
#pragma once

#include "operators.h"

namespace {

/// Rows of nodes; one row if all are the same, as in the gradient of a sum.
template <class Real> struct Rows {
  explicit Rows(const Tensor &tensor)
      : repeated(tensor.size(0) > 1 && tensor.stride(0) == 0),
        tensor(padded<Real>(repeated ? tensor.narrow(0, 0, 1) : tensor)),
        stride(repeated ? 0 : this->tensor.size(1) * this->tensor.size(2))
  {
  }
  const bool repeated;
  const Tensor tensor;
  const int64_t stride;
};

void check_weights(const Tensor &x, const Tensor &weight)
{
  TORCH_CHECK(x.dim() == 3 && weight.dim() == 2 &&
                  degree_of(x.size(1)) + 1 == weight.size(0) && x.size(2) == weight.size(1),
              "gaunt: weights of shape ", weight.sizes(), " for coefficients of shape ",
              x.sizes());
}

template <class Real>
gaunt::DegreeWeights<Real> weights_shape(const Rows<Real> &x, const Tensor &weight)
{
  return {static_cast<int>(weight.size(0)) - 1, static_cast<int>(weight.size(1)),
          x.tensor.template const_data_ptr<Real>(), x.stride, weight.const_data_ptr<Real>()};
}

Tensor degree_weights(const Tensor &x, const Tensor &weight)
{
  check_weights(x, weight);
  return for_dtype(x, [&](auto real) {
    using Real = decltype(real);
    const Rows<Real> rows(x);
    const Tensor weights = padded<Real>(weight);
    const auto shape = weights_shape<Real>(rows, weights);
    Tensor out = at::empty({x.size(0), x.size(1), shape.channels}, x.options());
    in_parallel(x.size(0), parts_for(x.size(0)), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().degree_weights(shape, range, out.data_ptr<Real>());
    });
    return narrowed(out, x.size(2));
  });
}

/// Gradients of the sum of adjoint times degree_weights(x, weight) by both.
std::tuple<Tensor, Tensor> degree_weights_gradient(const Tensor &adjoint, const Tensor &x,
                                                   const Tensor &weight)
{
  check_weights(x, weight);
  check_shape("adjoint", adjoint, x.sizes());
  return for_dtype(x, [&](auto real) {
    using Real = decltype(real);
    const Rows<Real> rows(x), a(adjoint);
    const Tensor weights = padded<Real>(weight);
    const auto shape = weights_shape<Real>(rows, weights);
    const int64_t nodes = x.size(0), parts = parts_for(nodes);
    Tensor by_x = at::empty({nodes, x.size(1), shape.channels}, x.options());
    Tensor by_weight = at::zeros({parts, shape.degree + 1, shape.channels}, x.options());
    in_parallel(nodes, parts, [&](gaunt::Range range, int64_t part) {
      gaunt::kernels<Real>().degree_weights_gradient(
          shape, a.tensor.template const_data_ptr<Real>(), a.stride, range,
          by_x.data_ptr<Real>(), by_weight[part].template data_ptr<Real>());
    });
    return std::make_tuple(narrowed(by_x, x.size(2)),
                           narrowed(sum_of_parts(by_weight), x.size(2)));
  });
}

// y = x w is bilinear: its derivatives are the same two operations again.

Tensor call_degree_weights(const Tensor &x, const Tensor &weight)
{
  static const auto op = operator_named<decltype(degree_weights)>("gaunt::degree_weights");
  return op.call(x, weight);
}

std::tuple<Tensor, Tensor> call_degree_weights_gradient(const Tensor &adjoint, const Tensor &x,
                                                        const Tensor &weight)
{
  static const auto op =
      operator_named<decltype(degree_weights_gradient)>("gaunt::degree_weights_gradient");
  return op.call(adjoint, x, weight);
}

struct DegreeWeightsGradientFunction : Function<DegreeWeightsGradientFunction> {
  static variable_list forward(AutogradContext *context, const Tensor &adjoint, const Tensor &x,
                               const Tensor &weight)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    context->set_materialize_grads(false);
    context->save_for_backward({adjoint, x, weight});
    const auto [by_x, by_weight] = call_degree_weights_gradient(adjoint, x, weight);
    return {by_x, by_weight};
  }
  static variable_list backward(AutogradContext *context, variable_list tangents)
  {
    const auto saved = context->get_saved_variables();
    const Tensor x_tangent = or_zeros(tangents[0], saved[1]);
    const Tensor weight_tangent = or_zeros(tangents[1], saved[2]);
    const auto [by_adjoint, by_weight] =
        call_degree_weights_gradient(x_tangent, saved[0], saved[2]);
    return {by_adjoint.add(call_degree_weights(saved[1], weight_tangent)),
            call_degree_weights(saved[0], weight_tangent), by_weight};
  }
};

std::tuple<Tensor, Tensor> degree_weights_gradient_autograd(const Tensor &adjoint, const Tensor &x,
                                                            const Tensor &weight)
{
  const auto gradients = DegreeWeightsGradientFunction::apply(adjoint, x, weight);
  return {gradients[0], gradients[1]};
}

struct DegreeWeightsFunction : Function<DegreeWeightsFunction> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, weight});
    return call_degree_weights(x, weight);
  }
  static variable_list backward(AutogradContext *context, variable_list adjoints)
  {
    const auto saved = context->get_saved_variables();
    const auto [by_x, by_weight] = call_degree_weights_gradient(adjoints[0], saved[0], saved[1]);
    return {by_x, by_weight};
  }
};

Tensor degree_weights_autograd(const Tensor &x, const Tensor &weight)
{
  return DegreeWeightsFunction::apply(x, weight);
}

Tensor degree_weights_meta(const Tensor &x, const Tensor &)
{
  return x.new_empty_symint(x.sym_sizes());
}

std::tuple<Tensor, Tensor> degree_weights_gradient_meta(const Tensor &, const Tensor &x,
                                                        const Tensor &weight)
{
  return {x.new_empty_symint(x.sym_sizes()), weight.new_empty_symint(weight.sym_sizes())};
}

} // namespace
