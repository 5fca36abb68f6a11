-- 64-bit integers as V10 prints them: numbers. Protobuf's JSON has them as strings, and no option changes that
-- (https://protobuf.dev/programming-guides/json/). What is converted follows from the message's type alone, never from
-- how a text looks. A type is nil: nothing in it; LONG; or a table from JSON name to type, with ANY for the values of a map.
-- The elements of a list are of the list's type. The text is what the transcoder prints: JSON without white space.
local QUOTE, SLASH, COLON, OPEN, LIST = 34, 92, 58, 123, 91
local find, sub, byte, concat = string.find, string.sub, string.byte, table.concat

-- Where the string ends that begins at this quote.
local function string_end(text, at)
  local stop = find(text, '"', at + 1, true)
  while byte(text, stop - 1) == SLASH do
    local slash = stop - 1
    while byte(text, slash) == SLASH do
      slash = slash - 1
    end
    if (stop - slash) % 2 == 1 then
      return stop
    end
    stop = find(text, '"', stop + 1, true)
  end
  return stop
end

local function numbers(text, type)
  local pieces, count, copied = {}, 0, 0
  local object, value = NOTHING, type -- the type around, and that of the next value
  local objects, values, depth = {}, {}, 0
  local at = find(text, '["{}%[%]]')
  while at do
    local char = byte(text, at)
    if char == QUOTE then
      local stop = string_end(text, at)
      if byte(text, stop + 1) == COLON then
        value = object[sub(text, at + 1, stop - 1)] or object[ANY]
        stop = stop + 1
        if value == nil and byte(text, stop + 1) == QUOTE then
          stop = string_end(text, stop + 1)
        end
      elseif value == LONG then
        pieces[count + 1] = sub(text, copied + 1, at - 1)
        pieces[count + 2] = sub(text, at + 1, stop - 1)
        count, copied = count + 2, stop
      end
      at = stop
    elseif char == OPEN or char == LIST then
      depth = depth + 1
      objects[depth], values[depth] = object, value
      if char == OPEN then
        object = value or NOTHING
      end
    elseif depth > 0 then -- the end of a stream's list comes without its beginning
      object, value = objects[depth], values[depth]
      depth = depth - 1
    end
    at = find(text, '["{}%[%]]', at + 1)
  end
  pieces[count + 1] = sub(text, copied + 1)
  return concat(pieces)
end
