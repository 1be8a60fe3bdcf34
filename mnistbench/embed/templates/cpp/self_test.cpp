// Compares this machine's answers with the golden ones; ends with 1 where one differs.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include "digits.hpp"

namespace {

// golden/expected.txt: the tolerance, then a line for each picture: its name, its class, ten probabilities.
int compare(const std::filesystem::path& folder) {
  digits::Classifier classifier(folder);
  std::ifstream expected(folder / "golden" / "expected.txt");
  double tolerance = -1;
  expected >> tolerance;
  int passed = 0, failed = 0;
  std::string picture;
  for (std::size_t label = 0; expected >> picture >> label;) {
    auto image = digits::read_pgm(folder / "golden" / picture);
    const auto answer = classifier.classify(image);
    double largest = 0;
    bool good = answer.label == label;
    for (const float probability : answer.probabilities) {
      double wanted = 0;
      expected >> wanted;
      const double difference = std::abs(probability - wanted);
      good = good && difference <= tolerance;  // written so that NaN fails
      largest = std::max(largest, difference);
    }
    (good && expected ? passed : failed) += 1;
    std::printf("%s: %s: class %zu, off by %.1e\n", good ? "ok" : "FAILED", picture.c_str(), answer.label, largest);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return passed > 0 && failed == 0 ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return compare(DIGITS_FOLDER);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "FAILED: %s\n", error.what());
    return 1;
  }
}
