// The model behind one call: a 28x28 picture in, a label and ten probabilities out.

#pragma once

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <istream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace digits {

constexpr std::int64_t kSide = 28;
constexpr std::size_t kPixels = 28 * 28;
constexpr std::size_t kLabels = 10;

using Image = std::array<std::uint8_t, kPixels>;

struct Answer {
  std::size_t label;
  std::array<float, kLabels> probabilities;
};

// A number of a PGM header, after spaces and comments.
inline int read_number(std::istream& stream) {
  while ((stream >> std::ws).peek() == '#') {
    stream.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  int number = -1;
  stream >> number;
  return number;
}

// Reads a binary PGM file of 28x28 pixels, white ink on black.
inline Image read_pgm(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::array<char, 2> magic{};
  stream.read(magic.data(), magic.size());
  const int width = read_number(stream), height = read_number(stream), largest = read_number(stream);
  stream.get();  // one space between header and pixels
  Image image{};
  stream.read(reinterpret_cast<char*>(image.data()), static_cast<std::streamsize>(image.size()));
  if (!stream || magic != std::array<char, 2>{'P', '5'} || width != kSide || height != kSide || largest != 255) {
    throw std::runtime_error(path.string() + " is no binary PGM file of 28x28 pixels with values up to 255");
  }
  return image;
}

inline std::vector<std::string> read_labels(const std::filesystem::path& folder) {
  std::ifstream stream(folder / "labels.txt");
  std::vector<std::string> labels;
  for (std::string label; std::getline(stream, label);) {
    labels.push_back(label);
  }
  if (labels.size() != kLabels) {
    throw std::runtime_error((folder / "labels.txt").string() + " does not have ten lines");
  }
  return labels;
}

// The loaded model; make one for all pictures.
class Classifier {
 public:
  explicit Classifier(const std::filesystem::path& folder)
      : session_(environment_, (folder / "@@MODEL@@").c_str(), Ort::SessionOptions{}) {}

  Answer classify(Image& image) {
    constexpr std::array<std::int64_t, 4> shape{1, 1, kSide, kSide};
    constexpr std::array<const char*, 1> inputs{"image"};
    constexpr std::array<const char*, 2> outputs{"label", "probabilities"};
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    const auto tensor =
        Ort::Value::CreateTensor<std::uint8_t>(memory, image.data(), image.size(), shape.data(), shape.size());
    const auto values = session_.Run(Ort::RunOptions{nullptr}, inputs.data(), &tensor, inputs.size(), outputs.data(),
                                     outputs.size());
    Answer answer{static_cast<std::size_t>(*values[0].GetTensorData<std::int64_t>()), {}};
    std::copy_n(values[1].GetTensorData<float>(), kLabels, answer.probabilities.begin());
    return answer;
  }

 private:
  Ort::Env environment_{ORT_LOGGING_LEVEL_WARNING, "digits"};
  Ort::Session session_;
};

}  // namespace digits
