/* SPDX-License-Identifier: MIT */
/*
 * The contract between a simulation code and the engine that evaluates a Gaunt potential.
 *
 * The engine is a shared library of its own (libgaunt_engine.so). It alone knows torch; it exports
 * one function, gaunt_engine(), and is meant to be opened with RTLD_LOCAL, so that no symbol of
 * torch reaches the simulation code. Whoever calls it needs this header and a dlopen.
 *
 * Conventions
 *   - lengths in angstrom, energies in eV, everything at this border in double precision;
 *   - an edge (i, j) leads from its centre i to its neighbour j; its vector is r_j - r_i, measured
 *     to the very image of j that is meant. Each pair of atoms appears as two edges,
 *     (i, j) and (j, i);
 *   - no C++ exception crosses the border: every call that can fail returns 0 for success, anything
 *     else for failure, and then leaves one line of text, without a newline, in `message`;
 *   - a potential may be used by one thread at a time; two potentials are independent.
 */
#ifndef GAUNT_ENGINE_H
#define GAUNT_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever anything below changes; the caller compares it before it uses the functions. */
#define GAUNT_ENGINE_INTERFACE 3

#define GAUNT_MESSAGE_SIZE 1024

typedef struct gaunt_potential gaunt_potential;

/* What a potential is. The pointers stay valid until the potential is released. */
typedef struct {
  double cutoff;      /* edges are shorter than this */
  int layers;         /* interactions: an energy depends on atoms up to layers edges away */
  int exchange_width; /* numbers per atom that layers hand to each other */
  int exchange_size;  /* bytes of each of these numbers: 4, a float, or 8, a double */
  int n_elements;
  const char *const *elements;      /* chemical symbols; a species is an index into this array */
  const char *sha256;               /* of the whole file, 64 hexadecimal digits */
  const double *shortest_distances; /* [n_elements][n_elements] angstrom, between neighbours in
                                       training: infinity if such never were, 0 if not known */
} gaunt_description;

/*
 * The atoms and edges of one evaluation.
 *
 * Energies are asked of the first `owned` atoms only. The others (images of atoms that another
 * process owns) are there because those energies depend on them.
 *
 * For evaluate(), edges must be given for all centres within layers - 1 edges of an owned atom;
 * atoms further out appear as neighbours only. Atoms are numbered by how many edges away from the
 * owned ones they are, so that each layer is computed for no more atoms than the next one asks for.
 *
 * For forward() and backward(), edges are given for the owned centres only: what layers know of the
 * other atoms comes from the processes that own them.
 *
 * Edges are ordered by centre.
 */
typedef struct {
  int64_t n_atoms;
  int64_t owned;
  int64_t n_edges;
  const int64_t *species;     /* [n_atoms] */
  const int64_t *centres;     /* [n_edges] indices of atoms, ascending */
  const int64_t *neighbours;  /* [n_edges] indices of atoms */
  const double *edge_vectors; /* [n_edges][3] */
  const double *positions;    /* [n_atoms][3] where an atomic virial is asked for, else null; the
                                 origin should be near */
} gaunt_graph;

/* The results, written into arrays of the caller. */
typedef struct {
  double *energies;       /* [owned] energies of the owned atoms */
  double *edge_gradients; /* [n_edges][3] derivative of the sum of `energies` by the edge vectors */

  /*
   * [n_edges][3][3], with positions only: sum over atoms i, those of other processes too, of
   * (r_i - r_centre)_a dE_i/d(edge vector)_b. With it, the virial of an atom j,
   * sum_i (r_i - r_j)_a dE_i/d(r_j)_b, is the sum over edges of
   *   edge_virial - edge_vector_a edge_gradient_b   if j is the neighbour,
   *   - edge_virial                                 if j is the centre.
   */
  double *edge_virials;
} gaunt_result;

/* Gradients of one backward pass: by the energies, and by the energies times a position. */
#define GAUNT_MAX_PASSES 4

typedef struct {
  int interface; /* GAUNT_ENGINE_INTERFACE of the library */

  /*
   * Read a potential from the bytes of its file. Format, completeness and checksums are verified
   * before any of its code is loaded. `name` is used in messages. The bytes may be
   * freed afterwards.
   */
  int (*load)(const void *bytes, size_t size, const char *name, gaunt_potential **potential,
              char message[GAUNT_MESSAGE_SIZE]);

  void (*release)(gaunt_potential *potential);

  gaunt_description (*describe)(const gaunt_potential *potential);

  /* Evaluate on `threads` threads; 0 atoms and 0 edges are allowed. */
  int (*evaluate)(gaunt_potential *potential, const gaunt_graph *graph, int threads,
                  gaunt_result *result, char message[GAUNT_MESSAGE_SIZE]);

  /*
   * The same in steps, between which processes exchange what layers know of their atoms:
   *
   *   forward(0) ... forward(layers - 1), backward(layers - 1) ... backward(0), result.
   *
   * The graph and its arrays stay what they are until the result is there.
   *
   * forward(layer), but for the last one, leaves in `rows` an array [n_atoms][exchange_width] of
   * numbers of exchange_size bytes. The rows of the owned atoms are filled; before the next call
   * the caller fills those of the others with the rows of the processes that own them.
   *
   * backward(layer), but for layer 0, leaves as many such arrays as there are passes, one or, with
   * positions, four. Before the next call, for each of them, the caller adds the rows of atoms that
   * it does not own to the rows of their owners.
   */
  int (*forward)(gaunt_potential *potential, const gaunt_graph *graph, int layer, int threads,
                 void **rows, char message[GAUNT_MESSAGE_SIZE]);
  int (*backward)(gaunt_potential *potential, int layer, int threads, void *rows[GAUNT_MAX_PASSES],
                  char message[GAUNT_MESSAGE_SIZE]);
  int (*result)(gaunt_potential *potential, int threads, gaunt_result *result,
                char message[GAUNT_MESSAGE_SIZE]);

  /* Version of torch the engine runs with, for instance "2.13.0". */
  const char *(*torch_version)(void);
} gaunt_engine_functions;

#if defined(GAUNT_ENGINE_BUILD)
#define GAUNT_ENGINE_EXPORT __attribute__((visibility("default")))
#else
#define GAUNT_ENGINE_EXPORT
#endif

/* The only exported symbol. */
GAUNT_ENGINE_EXPORT const gaunt_engine_functions *gaunt_engine(void);

#ifdef __cplusplus
}
#endif

#endif
