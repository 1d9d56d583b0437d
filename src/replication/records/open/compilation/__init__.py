"""The ministry's compilation of science and technology statistics (高等学校科技统计资料汇编)."""
