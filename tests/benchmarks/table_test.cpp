#include "benchmarks/harness/table.h"

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

TEST(TableTest, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({"name", "ms"}, 1);
  table.add({"scan", "1.25"});
  table.add({"a", "10"});
  EXPECT_EQ(table.text(),
            "name    ms\n"
            "----------\n"
            "scan  1.25\n"
            "a       10\n");
}

TEST(TableTest, CharactersOfSeveralBytesTakeOneColumn) {
  Table table({"Δ", "x"}, 1);
  table.add({"ab", "1"});
  EXPECT_EQ(table.text(), "Δ   x\n-----\nab  1\n");
}

TEST(TableTest, RowsNeedEveryCell) {
  Table table({"a", "b"}, 1);
  EXPECT_THROW(table.add({"1"}), UsageError);
}

TEST(TableTest, NumbersKeepTheirSignificantDigits) {
  EXPECT_EQ(significant(0.02418, 3), "0.0242");
  EXPECT_EQ(significant(1.588, 3), "1.59");
  EXPECT_EQ(significant(311.27, 3), "311");
  EXPECT_EQ(significant(31270, 3), "31270");
  EXPECT_EQ(significant(0, 3), "0.00");
  EXPECT_EQ(significant(1.0 / 0.0, 3), "-");
  EXPECT_EQ(percent(0.7349), "73%");
}

}  // namespace
}  // namespace mabert::bench
