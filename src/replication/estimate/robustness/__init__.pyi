from .three_way import three_way as three_way
