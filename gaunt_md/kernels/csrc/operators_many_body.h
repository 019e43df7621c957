// SPDX-License-Identifier: MIT
// gaunt::many_body, products of differently mixed copies of one function.
#pragma once

#include "operators.h"

namespace {

struct ManyBodyArguments {
  Tensor x;          // [nodes][(degree + 1)^2][channels_in]
  Tensor mix;        // [degree + 1][channels_in][factors * channels]
  Tensor weights;    // [nodes][factors][channels]
  Tensor evaluation; // [points][(degree + 1)^2]
  Tensor projection; // [points][(degree_out + 1)^2]
};

/// Directions of a derivative; undefined means zero, but for x.
struct ManyBodyTangents {
  Tensor x, mix, weights;
};

void check(const ManyBodyArguments &a)
{
  TORCH_CHECK(a.x.dim() == 3 && a.weights.dim() == 3, "gaunt: functions of shape ", a.x.sizes(),
              " and weights of shape ", a.weights.sizes(),
              " where [nodes, coefficients, channels] and [nodes, factors, channels] are expected");
  const int64_t nodes = a.x.size(0), factors = a.weights.size(1), channels = a.weights.size(2);
  TORCH_CHECK(factors >= 1 && factors <= gaunt::max_factors, "gaunt: products of ", factors,
              " factors are not made at once, only those of 1 to ", gaunt::max_factors);
  check_shape("weights", a.weights, {nodes, factors, channels});
  check_shape("mix", a.mix, {degree_of(a.x.size(1)) + 1, a.x.size(2), factors * channels});
  check_shape("evaluation", a.evaluation, {a.evaluation.size(0), a.x.size(1)});
  check_shape("projection", a.projection, {a.evaluation.size(0), a.projection.size(-1)});
}

template <class Real> class ManyBodyCall {
 public:
  /// For the value alone, or for gradients too.
  enum class Purpose { value, gradient };

  ManyBodyCall(const ManyBodyArguments &a, const ManyBodyTangents *tangents, Purpose purpose)
      : channels_in_(a.x.size(-1)), channels_(a.weights.size(-1)), nodes_(a.x.size(0))
  {
    check(a);
    x_ = padded<Real>(a.x);
    weights_ = padded<Real>(a.weights);
    evaluation_ = tiled<Real>(a.evaluation);
    projection_ = tiled<Real>(a.projection);
    shape.channels_in = static_cast<int>(x_.size(2));
    shape.channels = static_cast<int>(weights_.size(2));
    shape.degree = degree_of(x_.size(1));
    shape.n_factors = static_cast<int>(weights_.size(1));
    mix_ = matrices(a.mix);
    shape.x = input<Real>(x_);
    shape.weights = input<Real>(weights_);
    shape.mix = input<Real>(mix_);
    if (purpose == Purpose::gradient) {
      transposed_ = transposed<Real>(mix_.flatten(2));
      shape.mix_transposed = input<Real>(transposed_);
    }
    shape.n_tiles = static_cast<int>(evaluation_.size(0));
    shape.evaluation = evaluation_.template const_data_ptr<Real>();
    shape.degree_out = degree_of(a.projection.size(1));
    shape.projection = projection_.template const_data_ptr<Real>();
    if (!tangents) return;
    x_tangent_ = padded<Real>(tangents->x);
    shape.x.tangent = x_tangent_.template const_data_ptr<Real>();
    weights_tangent_ = padded<Real>(or_zeros(tangents->weights, a.weights));
    shape.weights.tangent = weights_tangent_.template const_data_ptr<Real>();
    if (!tangents->mix.defined()) return;
    mix_tangent_ = matrices(tangents->mix);
    transposed_tangent_ = transposed<Real>(mix_tangent_.flatten(2));
    shape.mix.tangent = mix_tangent_.template const_data_ptr<Real>();
    shape.mix_transposed.tangent = transposed_tangent_.template const_data_ptr<Real>();
  }

  Tensor value() const
  {
    Tensor out = at::empty({nodes_, projection_.size(1), shape.channels}, x_.options());
    in_parallel(nodes_, parts_for(nodes_), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().many_body(shape, range, out.data_ptr<Real>());
    });
    return narrowed(out, channels_);
  }

  /// Gradients by x, mix and weights; the last two are empty if nobody wants them.
  std::tuple<Tensor, Tensor, Tensor> gradient(const Tensor &adjoint, bool wants_parameters) const
  {
    check_shape("adjoint", adjoint, {nodes_, projection_.size(1), channels_});
    const Tensor a = padded<Real>(adjoint);
    const int64_t parts = parts_for(nodes_);
    Tensor d_x = at::empty_like(x_);
    Tensor d_weights = at::empty({wants_parameters ? nodes_ : 0, shape.n_factors, shape.channels},
                                 x_.options());
    // All nodes share the matrices, so every part adds to an array of its own.
    Tensor d_mix = at::zeros({wants_parameters ? parts : 0, mix_.size(0), mix_.size(1),
                              mix_.size(2), mix_.size(3)}, x_.options());
    in_parallel(nodes_, parts, [&](gaunt::Range range, int64_t part) {
      const gaunt::ManyBodyGradient<Real> out{
          d_x.data_ptr<Real>(),
          wants_parameters ? d_mix.data_ptr<Real>() + part * mix_.numel() : nullptr,
          wants_parameters ? d_weights.data_ptr<Real>() : nullptr};
      gaunt::kernels<Real>().many_body_gradient(shape, a.const_data_ptr<Real>(), range, out);
    });
    const auto nothing = [&] { return at::empty({0}, x_.options()); };
    if (!wants_parameters) return {narrowed(d_x, channels_in_), nothing(), nothing()};
    Tensor d_matrices =
        sum_of_parts(d_mix).narrow(1, 0, channels_in_).narrow(3, 0, channels_).flatten(2);
    return {narrowed(d_x, channels_in_), d_matrices, narrowed(d_weights, channels_)};
  }

 private:
  /// [degree + 1][channels_in][factors][channels] with padded channels.
  Tensor matrices(const Tensor &mix) const
  {
    const int64_t rows = shape.channels_in - channels_in_, columns = shape.channels - channels_;
    const Tensor split = mix.unflatten(2, {shape.n_factors, channels_});
    return rows || columns ? at::constant_pad_nd(split, {0, columns, 0, 0, 0, rows})
                           : split.contiguous();
  }

  gaunt::ManyBody<Real> shape{};
  int64_t channels_in_, channels_, nodes_;
  Tensor x_, weights_, evaluation_, projection_, mix_, transposed_;
  Tensor x_tangent_, weights_tangent_, mix_tangent_, transposed_tangent_;
};

#define GAUNT_MANY_BODY_PARAMETERS                                                                 \
  const Tensor &x, const Tensor &mix, const Tensor &weights, const Tensor &evaluation,             \
      const Tensor &projection
#define GAUNT_MANY_BODY_ARGUMENTS x, mix, weights, evaluation, projection

Tensor many_body(GAUNT_MANY_BODY_PARAMETERS)
{
  return for_dtype(x, [&](auto real) {
    using Call = ManyBodyCall<decltype(real)>;
    return Call({GAUNT_MANY_BODY_ARGUMENTS}, nullptr, Call::Purpose::value).value();
  });
}

std::tuple<Tensor, Tensor, Tensor> many_body_gradient(const Tensor &adjoint,
                                                      GAUNT_MANY_BODY_PARAMETERS,
                                                      bool wants_parameters)
{
  return for_dtype(x, [&](auto real) {
    using Call = ManyBodyCall<decltype(real)>;
    return Call({GAUNT_MANY_BODY_ARGUMENTS}, nullptr, Call::Purpose::gradient)
        .gradient(adjoint, wants_parameters);
  });
}

/// Derivatives of the product and of its gradients.
std::tuple<Tensor, Tensor, Tensor, Tensor>
many_body_second(const Tensor &adjoint, GAUNT_MANY_BODY_PARAMETERS, const Tensor &x_tangent,
                 const std::optional<Tensor> &mix_tangent,
                 const std::optional<Tensor> &weights_tangent, bool wants_parameters)
{
  return for_dtype(x, [&](auto real) {
    const ManyBodyTangents tangents{x_tangent, mix_tangent.value_or(Tensor()),
                                    weights_tangent.value_or(Tensor())};
    using Call = ManyBodyCall<decltype(real)>;
    const Call call({GAUNT_MANY_BODY_ARGUMENTS}, &tangents, Call::Purpose::gradient);
    return std::tuple_cat(std::make_tuple(call.value()), call.gradient(adjoint, wants_parameters));
  });
}

struct ManyBodyGradientFunction : Function<ManyBodyGradientFunction> {
  static variable_list forward(AutogradContext *context, const Tensor &adjoint,
                               GAUNT_MANY_BODY_PARAMETERS, bool wants_parameters)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    context->set_materialize_grads(false);
    static const auto op =
        operator_named<decltype(many_body_gradient)>("gaunt::many_body_gradient");
    context->save_for_backward({adjoint, GAUNT_MANY_BODY_ARGUMENTS});
    auto [d_x, d_mix, d_weights] = op.call(adjoint, GAUNT_MANY_BODY_ARGUMENTS, wants_parameters);
    return {d_x, d_mix, d_weights};
  }

  static variable_list backward(AutogradContext *context, variable_list tangents)
  {
    const auto saved = context->get_saved_variables();
    static const auto op = operator_named<decltype(many_body_second)>("gaunt::many_body_second");
    const bool wants_parameters = context->needs_input_grad(2) || context->needs_input_grad(3);
    const auto tangent = [&](size_t index) {
      return is_tangent(tangents[index]) ? std::optional<Tensor>(tangents[index]) : std::nullopt;
    };
    auto [d_adjoint, d_x, d_mix, d_weights] =
        op.call(saved[0], saved[1], saved[2], saved[3], saved[4], saved[5],
                or_zeros(tangents[0], saved[1]), tangent(1), tangent(2), wants_parameters);
    if (!wants_parameters) d_mix = d_weights = Tensor();
    return {d_adjoint, d_x, d_mix, d_weights, {}, {}, {}};
  }
};

std::tuple<Tensor, Tensor, Tensor> many_body_gradient_autograd(const Tensor &adjoint,
                                                               GAUNT_MANY_BODY_PARAMETERS,
                                                               bool wants_parameters)
{
  const auto all =
      ManyBodyGradientFunction::apply(adjoint, GAUNT_MANY_BODY_ARGUMENTS, wants_parameters);
  return {all[0], all[1], all[2]};
}

struct ManyBodyFunction : Function<ManyBodyFunction> {
  static Tensor forward(AutogradContext *context, GAUNT_MANY_BODY_PARAMETERS)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    static const auto op = operator_named<decltype(many_body)>("gaunt::many_body");
    context->save_for_backward({GAUNT_MANY_BODY_ARGUMENTS});
    return op.call(GAUNT_MANY_BODY_ARGUMENTS);
  }

  static variable_list backward(AutogradContext *context, variable_list adjoints)
  {
    const auto saved = context->get_saved_variables();
    static const auto op =
        operator_named<decltype(many_body_gradient)>("gaunt::many_body_gradient");
    // Forces alone, also those of a training, ask for nothing but x.
    const bool wants_parameters =
        context->needs_input_grad(1) || context->needs_input_grad(2);
    auto [d_x, d_mix, d_weights] =
        op.call(adjoints[0], saved[0], saved[1], saved[2], saved[3], saved[4], wants_parameters);
    if (!wants_parameters) d_mix = d_weights = Tensor();
    return {d_x, d_mix, d_weights, {}, {}};
  }
};

Tensor many_body_autograd(GAUNT_MANY_BODY_PARAMETERS)
{
  return ManyBodyFunction::apply(GAUNT_MANY_BODY_ARGUMENTS);
}

} // namespace
