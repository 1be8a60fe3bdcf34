// Prints the label and the ten probabilities of each picture: build/predict golden/@@EXAMPLE@@.pgm

#include <cstdio>
#include <exception>

#include "digits.hpp"

int main(int count, char** paths) {
  if (count < 2) {
    std::fprintf(stderr, "usage: predict PICTURE.pgm ...\n");
    return 1;
  }
  try {
    const auto labels = digits::read_labels(DIGITS_FOLDER);
    digits::Classifier classifier(DIGITS_FOLDER);
    for (int position = 1; position < count; ++position) {
      auto image = digits::read_pgm(paths[position]);
      const auto answer = classifier.classify(image);
      std::printf("%s: %s\n", paths[position], labels.at(answer.label).c_str());
      for (std::size_t label = 0; label < digits::kLabels; ++label) {
        std::printf("  %s  %.6f\n", labels[label].c_str(), answer.probabilities[label]);
      }
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
