#pragma once

#include <string>
#include <vector>

namespace mabert::bench {

/// Text in columns, each as wide as its widest cell; the first `left_columns` stand left, the others right.
class Table {
 public:
  Table(std::vector<std::string> header, std::size_t left_columns);
  /// A row has as many cells as the header. Errors: UsageError.
  void add(std::vector<std::string> cells);
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::size_t left_columns_;
};

/// A number with so many significant digits and no exponent: 0.0242, 1.59, 3120.
std::string significant(double value, int digits);
std::string percent(double share);

}  // namespace mabert::bench
