// SPDX-License-Identifier: MIT
// The kernels as operators of torch, `gaunt::…`. Of the kernels' files, those named operators alone
// know torch; they are one translation unit, since torch's headers take long to read.
//
// Each operation has three operators: itself, NAME_gradient, and NAME_second, the derivative of
// both in a direction. (degree_linear and degree_weights are bilinear: two operators each will do.)
// Whoever asks for third derivatives is told that there are none.
// Autograd is registered here, so that a program without Python has it too. There is none by what
// is the same for all of a potential's life: coupling, table, evaluation, projection and waves.

#include "operators_convolution.h"
#include "operators_harmonics.h"
#include "operators_linear.h"
#include "operators_many_body.h"
#include "operators_product.h"
#include "operators_weights.h"

namespace {

#define GAUNT_CONVOLUTION_SCHEMA                                                                   \
  "Tensor features, Tensor radial, Tensor harmonics, Tensor first, Tensor neighbours, "            \
  "Tensor coupling, Tensor? table, float step"

#define GAUNT_GRID_SCHEMA                                                                          \
  "Tensor[] factors, Tensor evaluation, Tensor projection, Tensor? waves=None"
#define GAUNT_MANY_BODY_SCHEMA                                                                     \
  "Tensor x, Tensor mix, Tensor weights, Tensor evaluation, Tensor projection"

/// Python may have registered operators of these names before: then those serve.
struct Registration {
  Registration()
  {
    if (c10::Dispatcher::singleton().findSchema({"gaunt::convolution", ""})) return;
    static torch::Library definitions(torch::Library::DEF, "gaunt", std::nullopt, __FILE__,
                                      __LINE__);
    definitions.def("instruction_set() -> str",
                    [] { return std::string(gaunt::instruction_set()); });
    definitions.def("convolution(" GAUNT_CONVOLUTION_SCHEMA ") -> Tensor");
    definitions.def("convolution_gradient(Tensor adjoint, " GAUNT_CONVOLUTION_SCHEMA
                    ", bool wants_features) -> (Tensor, Tensor, Tensor)");
    definitions.def("convolution_second(Tensor adjoint, " GAUNT_CONVOLUTION_SCHEMA
                    ", Tensor features_tangent, Tensor radial_tangent, Tensor harmonics_tangent)"
                    " -> (Tensor, Tensor, Tensor, Tensor)");
    definitions.def("grid_product(" GAUNT_GRID_SCHEMA ") -> Tensor");
    definitions.def("grid_product_gradient(Tensor adjoint, " GAUNT_GRID_SCHEMA ") -> Tensor[]");
    definitions.def("grid_product_second(Tensor adjoint, Tensor[] factors, Tensor evaluation, "
                    "Tensor projection, Tensor? waves, Tensor[] tangents) -> Tensor[]");
    definitions.def("many_body(" GAUNT_MANY_BODY_SCHEMA ") -> Tensor");
    definitions.def("many_body_gradient(Tensor adjoint, " GAUNT_MANY_BODY_SCHEMA
                    ", bool wants_parameters) -> (Tensor, Tensor, Tensor)");
    definitions.def("many_body_second(Tensor adjoint, " GAUNT_MANY_BODY_SCHEMA
                    ", Tensor x_tangent, Tensor? mix_tangent, Tensor? weights_tangent, "
                    "bool wants_parameters) -> (Tensor, Tensor, Tensor, Tensor)");
    definitions.def("degree_linear(Tensor x, Tensor weight) -> Tensor");
    definitions.def("degree_linear_weights(Tensor x, Tensor adjoint) -> Tensor");
    definitions.def("degree_weights(Tensor x, Tensor weight) -> Tensor");
    definitions.def("degree_weights_gradient(Tensor adjoint, Tensor x, Tensor weight)"
                    " -> (Tensor, Tensor)");
    definitions.def("harmonics(Tensor vectors, int degree) -> Tensor");
    definitions.def("harmonics_gradient(Tensor adjoint, Tensor vectors) -> Tensor");
    definitions.def("harmonics_second(Tensor adjoint, Tensor vectors, Tensor tangent)"
                    " -> (Tensor, Tensor)");

    static torch::Library cpu(torch::Library::IMPL, "gaunt", c10::DispatchKey::CPU, __FILE__,
                              __LINE__);
    cpu.impl("convolution", TORCH_FN(convolution));
    cpu.impl("convolution_gradient", TORCH_FN(convolution_gradient));
    cpu.impl("convolution_second", TORCH_FN(convolution_second));
    cpu.impl("grid_product", TORCH_FN(grid_product));
    cpu.impl("grid_product_gradient", TORCH_FN(grid_product_gradient));
    cpu.impl("grid_product_second", TORCH_FN(grid_product_second));
    cpu.impl("many_body", TORCH_FN(many_body));
    cpu.impl("many_body_gradient", TORCH_FN(many_body_gradient));
    cpu.impl("many_body_second", TORCH_FN(many_body_second));
    cpu.impl("degree_linear", TORCH_FN(degree_linear));
    cpu.impl("degree_linear_weights", TORCH_FN(degree_linear_weights));
    cpu.impl("degree_weights", TORCH_FN(degree_weights));
    cpu.impl("degree_weights_gradient", TORCH_FN(degree_weights_gradient));
    cpu.impl("harmonics", TORCH_FN(harmonics));
    cpu.impl("harmonics_gradient", TORCH_FN(harmonics_gradient));
    cpu.impl("harmonics_second", TORCH_FN(harmonics_second));

    static torch::Library autograd(torch::Library::IMPL, "gaunt", c10::DispatchKey::Autograd,
                                   __FILE__, __LINE__);
    autograd.impl("convolution", TORCH_FN(convolution_autograd));
    autograd.impl("convolution_gradient", TORCH_FN(convolution_gradient_autograd));
    autograd.impl("grid_product", TORCH_FN(grid_product_autograd));
    autograd.impl("grid_product_gradient", TORCH_FN(grid_product_gradient_autograd));
    autograd.impl("many_body", TORCH_FN(many_body_autograd));
    autograd.impl("many_body_gradient", TORCH_FN(many_body_gradient_autograd));
    autograd.impl("degree_linear", TORCH_FN(degree_linear_autograd));
    autograd.impl("degree_linear_weights", TORCH_FN(degree_linear_weights_autograd));
    autograd.impl("degree_weights", TORCH_FN(degree_weights_autograd));
    autograd.impl("degree_weights_gradient", TORCH_FN(degree_weights_gradient_autograd));
    autograd.impl("harmonics", TORCH_FN(harmonics_autograd));
    autograd.impl("harmonics_gradient", TORCH_FN(harmonics_gradient_autograd));
    for (const char *name : {"convolution_second", "grid_product_second", "many_body_second",
                             "harmonics_second"})
      autograd.impl(name, torch::autograd::autogradNotImplementedFallback());

    static torch::Library meta(torch::Library::IMPL, "gaunt", c10::DispatchKey::Meta, __FILE__,
                               __LINE__);
    meta.impl("grid_product", TORCH_FN(grid_product_meta));
    meta.impl("grid_product_gradient", TORCH_FN(grid_product_gradient_meta));
    meta.impl("degree_linear", TORCH_FN(degree_linear_meta));
    meta.impl("degree_linear_weights", TORCH_FN(degree_linear_weights_meta));
    meta.impl("degree_weights", TORCH_FN(degree_weights_meta));
    meta.impl("degree_weights_gradient", TORCH_FN(degree_weights_gradient_meta));
  }
} const registration;

} // namespace
