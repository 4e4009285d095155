#include "command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iomanip>
#include <sstream>

#include "engine_options.h"
#include "nearest_name.h"

namespace weir::coordinator {

using runtime::Params;

namespace {

bool is_option(const std::string& argument) {
  return argument.size() > 2 && argument.starts_with("--");
}

// ", did you mean --window?" or nothing.
std::string proposal(const ProgramOptions& program, const std::string& name) {
  std::vector<std::string> known;
  for (const Params::Declared& param : program.params) known.push_back(param.name);
  for (const EngineOption& option : engine_options()) known.emplace_back(option.name);
  const std::string best = nearest_name(name, known);
  return best.empty() ? "" : "; did you mean --" + best + "?";
}

std::string fault_of(const EngineOption& option, const std::string& text) {
  return "--" + std::string(option.name) + ": '" + text + "' cannot be used; give " + option.wants;
}

void apply_option(const EngineOption& option, const std::string& text, const std::string& from,
                  CommandLine& out) {
  if (!option.apply(text, out)) out.faults.push_back(from + fault_of(option, text));
}

void apply_defaults(const ProgramOptions& program, CommandLine& out) {
  for (const auto& [name, value] : program.default_options) {
    const auto& all = engine_options();
    const auto option = std::find_if(all.begin(), all.end(),
                                     [&, &n = name](const EngineOption& o) { return n == o.name; });
    if (option == all.end()) {
      out.faults.push_back("default_option(\"" + name + "\"): the engine has no such option" +
                           proposal(program, name));
    } else {
      apply_option(*option, value, "default_option: ", out);
    }
  }
}

void refuse_reserved(const ProgramOptions& program, CommandLine& out) {
  for (const Params::Declared& param : program.params) {
    for (const EngineOption& option : engine_options()) {
      if (param.name == option.name) {
        out.faults.push_back("parameter --" + param.name +
                             " is an option of the engine; give t.param another name");
      }
    }
  }
}

// What CLI11 has not taken: unknown options, and words that belong to none.
void refuse_extras(const ProgramOptions& program, const CLI::App& app, CommandLine& out) {
  for (const std::string& extra : app.remaining()) {
    if (!is_option(extra)) {
      out.faults.push_back("'" + extra + "' belongs to no option" +
                           (extra.starts_with('-') ? "; options start with two dashes" : ""));
      continue;
    }
    const std::string name = extra.substr(2, extra.find('=') - 2);
    out.faults.push_back("there is no option --" + name + proposal(program, name));
    // The word behind it is most likely its value.
    return;
  }
}

}  // namespace

std::map<std::string, std::string> scan_params(const Arguments& arguments) {
  std::map<std::string, std::string> raw;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!is_option(arguments[i])) continue;
    const std::string name = arguments[i].substr(2);
    const std::size_t equals = name.find('=');
    if (equals != std::string::npos) {
      raw[name.substr(0, equals)] = name.substr(equals + 1);
    } else if (i + 1 < arguments.size() && !is_option(arguments[i + 1])) {
      raw[name] = arguments[++i];
    } else {
      raw[name] = "true";
    }
  }
  return raw;
}

CommandLine parse_command_line(const ProgramOptions& program, const Arguments& arguments) {
  CommandLine out;
  out.job.job = program.program;
  out.job.checkpoint_interval = std::chrono::seconds(1);
  refuse_reserved(program, out);
  apply_defaults(program, out);
  if (!out.faults.empty()) return out;

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::map<std::string, std::string> unused;  // the program has read its own already
  bool is_backend_given = program.default_options.count("state-backend") != 0;
  for (const EngineOption& option : engine_options()) {
    const std::string name = "--" + std::string(option.name);
    if (*option.takes == '\0') {
      app.add_flag_function(name, [&](std::int64_t) { apply_option(option, "true", "", out); });
      continue;
    }
    app.add_option_function<std::string>(name,
                                         [&](const std::string& text) {
                                           if (option.name == std::string_view("state-backend"))
                                             is_backend_given = true;
                                           apply_option(option, text, "", out);
                                         })
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  for (const Params::Declared& param : program.params) {
    // A flag may stand alone; everything else takes one value.
    CLI::Option* option = app.add_option("--" + param.name, unused[param.name]);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    if (param.type == "flag") option->expected(0, 1);
  }
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants it
    app.parse(reversed);
  } catch (const CLI::Error& e) {
    out.faults.push_back(e.what());
  }
  refuse_extras(program, app, out);
  if (!is_backend_given && !out.job.state_dir.empty()) {
    out.job.state_backend = StateBackend::kRocksDb;
  }
  return out;
}

std::string help_text(const ProgramOptions& program) {
  std::ostringstream out;
  const auto line = [&](const std::string& name, const std::string& takes, const std::string& help,
                        const std::string& fallback) {
    out << "  " << std::left << std::setw(34) << ("--" + name + (takes.empty() ? "" : " " + takes))
        << " " << help;
    if (!fallback.empty()) out << " [" << fallback << "]";
    out << "\n";
  };
  out << "usage: " << program.program << " [options]\n";
  if (!program.params.empty()) out << "\nparameters of the program:\n";
  for (const Params::Declared& param : program.params) {
    std::string takes = param.type == "flag" ? "" : param.type;
    for (char& c : takes) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const bool is_off = param.type == "flag" && param.fallback == "false";
    line(param.name, takes, param.help,
         is_off                       ? ""
         : param.fallback.has_value() ? *param.fallback
                                      : "required");
  }
  out << "\noptions of the engine:\n";
  for (const EngineOption& option : engine_options()) {
    const auto set = program.default_options.find(option.name);
    line(option.name, option.takes, option.help,
         set != program.default_options.end() ? set->second : option.fallback);
  }
  out << "\nDurations: 250ms, 30m, 1h. Sizes: 64k, 512M, 2G.\n";
  return out.str();
}

}  // namespace weir::coordinator
