-- Chance without a random generator: the same key gives the same number in whatever order rows are made.
CREATE FUNCTION pg_temp.u(key bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (hashint8extended(key, salt) & 9007199254740991)::float8 / 9007199254740992;
CREATE FUNCTION pg_temp.n(key bigint, salt int, below int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN ((hashint8extended(key, salt) & 2147483647) % below)::int;
-- a normal deviate, by Box and Muller
CREATE FUNCTION pg_temp.z(key bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN sqrt(-2 * ln(1 - pg_temp.u(key, salt))) * cos(2 * pi() * pg_temp.u(key, salt + 1));
