# R's numbers for the models that the project estimates, written once and read by the tests.
#
#   PYTHONPATH=. python tests/oracles/export.py FOLDER
#   Rscript tests/oracles/validation.R FOLDER tests/oracles/r_numbers.csv
#
# Needs estimatr, sandwich, clubSandwich and plm. No test runs R.
#
# convention  classical  s2 (X'X)^-1, s2 = RSS / (N - K); for Poisson the inverse information
#             CR0        cluster sandwich, no factor
#             stata      CR0 times G/(G-1) (N-1)/(N-K), K = rank of all regressors and dummies
#             CR1        the same with K = regressors + 1 + rank of all dummies and a constant
#                        - rank of those nested in the clusters and a constant, by `parameters`
#             CR2        Bell and McCaffrey, df by Satterthwaite; in a weighted least squares under
#             errors of one variance
#             CR2 inverse variance  the same under errors of variance 1 / weight
#             HTZ        Pustejovsky and Tipton, with CR2: the column of estimates has F, df its
#                        denominator's degrees of freedom
#             CR3        cluster jackknife: clubSandwich's, which has no factor, times (G-1)/G

suppressMessages({library(estimatr); library(sandwich); library(clubSandwich); library(plm)})
folder <- commandArgs(TRUE)[1]
target <- commandArgs(TRUE)[2]
read <- function(name) read.csv(file.path(folder, paste0(name, ".csv")))
version <- function(package) paste(package, packageVersion(package))
rows <- list()

record <- function(dataset, model, terms, package, convention, b, se, df, n) {
  names <- gsub(":", " \u00d7 ", terms)
  rows[[length(rows) + 1]] <<- data.frame(
    dataset, model, term = names, package, convention, estimate = b, std_error = se, df = df,
    n = n, version = paste0("R ", getRversion(), " ", if (package == "stats") "stats" else version(package))
  )
}

# Parameters that the factor of CR1 counts; `effects` is a list of factors.
dummy_rank <- function(effects) {
  if (length(effects) == 0) return(1)
  names(effects) <- paste0("f", seq_along(effects))
  qr(model.matrix(~ ., as.data.frame(lapply(effects, factor))))$rank
}
parameters <- function(k, effects, cluster) {
  one <- function(e) all(tapply(as.integer(factor(cluster)), e, function(x) length(unique(x))) == 1)
  k + 1 + dummy_rank(effects) - dummy_rank(effects[vapply(effects, one, NA)])
}

# One model: regressors x (named columns), effects as dummies, everything that R can say of it.
fit <- function(dataset, model, data, y, x, effects = list(), cluster = NULL, weights = NULL,
                family = "ols", report = names(x), cr2 = TRUE) {
  data$y_ <- y
  for (i in seq_along(x)) data[[paste0("x", i)]] <- x[[i]]
  for (i in seq_along(effects)) data[[paste0("f", i)]] <- factor(effects[[i]])
  formula <- reformulate(c(paste0("x", seq_along(x)), if (length(effects)) paste0("f", seq_along(effects))), "y_")
  data$w_ <- if (is.null(weights)) 1 else weights
  m <- if (family == "ols") lm(formula, data, weights = w_)
       else glm(formula, poisson, data, control = glm.control(epsilon = 1e-10))
  # glm's tolerance for collinear columns is epsilon / 1000: smaller, and it keeps them and fails.
  stopifnot(family == "ols" || m$converged)
  at <- paste0("x", match(report, names(x)))
  b <- coef(m)[at]
  n <- nobs(m)
  se <- function(v) sqrt(diag(v)[at])
  record(dataset, model, report, "stats", "classical", b, se(vcov(m)), m$df.residual, n)
  if (is.null(cluster)) return(invisible(m))
  G <- length(unique(cluster))
  rank <- m$rank
  cr0 <- vcovCL(m, cluster, type = "HC0", cadjust = FALSE)
  record(dataset, model, report, "sandwich", "CR0", b, se(cr0), G - 1, n)
  K <- parameters(length(x), effects, cluster)
  record(dataset, model, report, "sandwich", "CR1", b, se(cr0 * G / (G - 1) * (n - 1) / (n - K)), G - 1, n)
  if (family == "ols") {
    s <- lm_robust(formula, data, weights = w_, clusters = cluster, se_type = "stata")
    record(dataset, model, report, "estimatr", "stata", s$coefficients[at], s$std.error[at], s$df[at], n)
  } else {
    record(dataset, model, report, "sandwich", "stata", b, se(cr0 * G / (G - 1) * (n - 1) / (n - rank)), G - 1, n)
  }
  if (cr2) {
    t <- tryCatch(coef_test(m, vcov = "CR2", cluster = cluster, test = "Satterthwaite", coefs = at), error = function(e) {message(model, ": no CR2, ", conditionMessage(e)); NULL})
    if (is.null(t)) return(invisible(m))
    df <- if ("df_Satt" %in% names(t)) t$df_Satt else t$df
    record(dataset, model, report, "clubSandwich", "CR2", t$beta, t$SE, df, n)
  }
  invisible(m)
}

# CR3 of the least squares, or of the last weighted least squares of a Poisson model. clubSandwich
# inverts I - H of each cluster, which dummies nested in a cluster make singular: they are taken out
# of all columns first, which moves no estimate with or without a cluster.
jackknife <- function(dataset, model, m, x, nested, other, cluster, report = names(x)) {
  w <- if (inherits(m, "glm")) fitted(m) else if (is.null(weights(m))) rep(1, nobs(m)) else weights(m)
  y <- if (inherits(m, "glm")) log(w) + (m$y - w) / w else model.response(model.frame(m))
  dummies <- function(effects) if (length(effects)) do.call(cbind, lapply(effects, function(e) model.matrix(~ 0 + factor(e)))) else NULL
  out <- if (length(nested)) dummies(nested) else NULL
  columns <- cbind(y, do.call(cbind, x), dummies(other), if (is.null(out)) 1)
  if (!is.null(out)) columns <- qr.resid(qr(out * sqrt(w)), columns * sqrt(w)) / sqrt(w)
  d <- list(y = columns[, 1], z = columns[, -1], w = w)
  l <- lm(y ~ 0 + z, d, weights = w)
  G <- length(unique(cluster))
  v <- vcovCR(l, cluster, type = "CR3") * (G - 1) / G
  at <- match(report, names(x))
  record(dataset, model, report, "clubSandwich", "CR3", coef(l)[at], sqrt(diag(v)[at]), NA, nobs(m))
}

# Test that contrasts of the regressors are zero; one row of `contrasts` each.
joint <- function(dataset, model, term, m, x, contrasts, cluster) {
  names <- names(coef(m))[!is.na(coef(m))]
  C <- matrix(0, nrow(contrasts), length(names))
  C[, match(paste0("x", seq_along(x)), names)] <- contrasts
  t <- Wald_test(m, C, vcov = vcovCR(m, cluster, type = "CR2"), test = "HTZ")
  record(dataset, model, term, "clubSandwich", "HTZ", t$Fstat, NA, t$df_denom, nobs(m))
}

# Rows that carry information in a Poisson model: in no group of an effect are all counts zero.
informative <- function(y, effects) {
  keep <- rep(TRUE, length(y))
  repeat {
    before <- sum(keep)
    for (e in effects) {
      total <- tapply(y[keep], as.character(e[keep]), sum)
      keep <- keep & as.character(e) %in% names(total)[total > 0]
    }
    if (sum(keep) == before) return(keep)
  }
}

# cr2 = FALSE where the blocks of the projection matrix take minutes and gigabytes.

# Published data sets --------------------------------------------------------------------------

d <- read("kielmc")
x <- list("nearinc:y81" = d$nearinc * d$y81, nearinc = d$nearinc, y81 = d$y81)
fit("kielmc", "kielmc (1)", d, d$rprice, x, report = "nearinc:y81")
fit("kielmc", "kielmc (3)", d, d$rprice, c(x, d[c("age", "agesq", "intst", "land", "area", "rooms", "baths")]), report = "nearinc:y81")

d <- read("injury")
fit("injury", "injury", d, d$ldurat, list("highearn:afchnge" = d$highearn * d$afchnge, highearn = d$highearn, afchnge = d$afchnge), report = "highearn:afchnge")

d <- read("jtrain"); d <- d[!is.na(d$lscrap), ]
fit("jtrain", "jtrain", d, d$lscrap, list(grant = d$grant, grant_1 = d$grant_1), list(d$fcode, d$year), d$fcode)
p <- plm(lscrap ~ grant + grant_1, d, index = c("fcode", "year"), model = "within", effect = "twoways")
record("jtrain", "jtrain", names(coef(p)), "plm", "classical", coef(p), sqrt(diag(vcov(p))), p$df.residual, nobs(p))

d <- read("wage_panel")
fit("wage_panel", "wage_panel", d, d$lwage, list(union = d$union, married = d$married, expersq = d$expersq), list(d$nr, d$year), d$nr, report = c("union", "married"), cr2 = FALSE)
p <- plm(lwage ~ union + married + expersq, d, index = c("nr", "year"), model = "within", effect = "twoways")
record("wage_panel", "wage_panel", c("union", "married"), "plm", "classical", coef(p)[1:2], sqrt(diag(vcov(p)))[1:2], p$df.residual, nobs(p))

d <- read("organ_donations")
fit("organ_donations", "organ_donations", d, d$rate, list("california:post" = d$california * d$post), list(d$state, d$quarter), d$state)

d <- read("ehec")
periods <- setdiff(sort(unique(d$event_time)), -1)
x <- lapply(periods, function(p) d$expanded * (d$event_time == p))
names(x) <- paste0("expanded:", ifelse(periods < 0, "\u2212", "+"), abs(periods))
fit("ehec", "ehec", d, d$dins, x, list(d$stfips, d$year), d$stfips)

# Group-time effects against the never treated, by means of long differences from the year before.
d <- read("mpdta")
wide <- reshape(d[c("countyreal", "year", "lemp", "first.treat")], idvar = c("countyreal", "first.treat"), timevar = "year", direction = "wide")
change <- function(g, t, who) mean(wide[[paste0("lemp.", t)]][who] - wide[[paste0("lemp.", g - 1)]][who])
att <- function(g, t) change(g, t, wide$first.treat == g) - change(g, t, wide$first.treat == 0)
groups <- setdiff(sort(unique(d$first.treat)), 0)
at_event <- function(e) {
  g <- groups[groups + e <= max(d$year)]
  weighted.mean(sapply(g, function(g) att(g, g + e)), sapply(g, function(g) sum(wide$first.treat == g)))
}
effects <- sapply(0:3, at_event)
record("mpdta", "mpdta", c(paste("e =", 0:3), "overall"), "stats", "none", c(effects, mean(effects)), NA, NA, nrow(d))

d <- read("PatentsHGH")
d <- d[informative(d$pat, list(d$obsno, d$year)), ]
fit("PatentsHGH", "PatentsHGH", d, d$pat, as.list(d[c("logr", paste0("logr", 1:5))]), list(d$obsno, d$year), d$obsno, family = "poisson", cr2 = FALSE)

# The panel in closed form of tests/support/designs_panel.py --------------------------------------------

d <- read("panel")
unit <- paste(d$university, d$discipline)
uy <- paste(d$university, d$year)
dy <- paste(d$discipline, d$year)
g <- d$university
did <- list("exposure:post" = d$exposure * d$post)
ddd <- list("exposure:post:control_exposure" = d$exposure * d$post * d$control_exposure)
fit("panel", "did", d, d$y, did, list(unit, dy), g)
fit("panel", "did weighted", d, d$y, did, list(unit, dy), g, weights = d$weight)
fit("panel", "did controls", d, d$y, c(did, d[c("x1", "x2")]), list(unit, dy), g, report = "exposure:post")
fit("panel", "did log1p", d, log1p(d$patents_joint), did, list(unit, dy), g)
fit("panel", "did pooled", d, d$y, c(did, d[c("exposure", "post")]), list(), g, report = "exposure:post")
fit("panel", "ddd", d, d$y, ddd, list(unit, uy, dy), g)
periods <- setdiff(sort(unique(d$event_time)), -1)
x <- lapply(periods, function(p) d$exposure * (d$event_time == p))
names(x) <- paste0("exposure:", ifelse(periods < 0, "\u2212", "+"), abs(periods))
m <- fit("panel", "event study", d, d$y, x, list(unit, dy), g)
leads <- paste0("x", which(periods < 0))
v <- vcovCL(m, g, type = "HC0", cadjust = FALSE)[leads, leads]
wald <- drop(coef(m)[leads] %*% solve(v, coef(m)[leads])) / length(leads)
record("panel", "pretrend", "F, CR0", "sandwich", "CR0", wald, NA, length(leads), nobs(m))
every <- diag(length(x))
joint("panel", "pretrend", "F, HTZ", m, x, every[periods < 0, ], g)
joint("panel", "event study", "+0 and +1", m, x, every[periods %in% 0:1, ], g)
jackknife("panel", "event study", m, x, list(unit), list(dy), g)
for (model in c("did", "did weighted", "did controls", "ddd")) {
  x <- if (model == "ddd") ddd else if (model == "did controls") c(did, d[c("x1", "x2")]) else did
  d$y_ <- d$y
  w <- if (model == "did weighted") d$weight else rep(1, nrow(d))
  at <- names(x)[1]
  l <- lm(reformulate(c("do.call(cbind, x)", "factor(unit)", "factor(dy)", if (model == "ddd") "factor(uy)"), "y_"), d, weights = w)
  jackknife("panel", model, l, x, if (model == "ddd") list(unit, uy) else list(unit), list(dy), g, at)
  # clubSandwich scales weights to a mean of one, and the variance must be the inverse of these.
  if (model == "did weighted") {
    t <- coef_test(l, vcovCR(l, g, type = "CR2", target = mean(w) / w, inverse_var = TRUE), test = "Satterthwaite", coefs = 2)
    record("panel", model, at, "clubSandwich", "CR2 inverse variance", t$beta, t$SE, t$df_Satt, nobs(l))
  }
}
two <- c(did, list("exposure:post:control_exposure" = d$exposure * d$post * d$control_exposure))
pair <- function(model, m, x, cluster) {
  joint("panel", model, "both", m, x, diag(2), cluster)
  joint("panel", model, "difference", m, x, matrix(c(1, -1), 1), cluster)
}
m <- fit("panel", "two terms", d, d$y, two, list(unit, dy), g)
pair("two terms", m, two, g)
jackknife("panel", "two terms", m, two, list(unit), list(dy), g)
keep <- informative(d$patents_joint, list(unit, dy))
m <- fit("panel", "ppml two terms", d[keep, ], d$patents_joint[keep], lapply(two, `[`, keep), list(unit[keep], dy[keep]), g[keep], family = "poisson")
pair("ppml two terms", m, two, g[keep])
jackknife("panel", "ppml two terms", m, lapply(two, `[`, keep), list(unit[keep]), list(dy[keep]), g[keep])
ppml <- function(model, x, effects) {
  keep <- informative(d$patents_joint, effects)
  s <- d[keep, ]
  fit("panel", model, s, s$patents_joint, lapply(x, `[`, keep), lapply(effects, `[`, keep), g[keep], family = "poisson", report = names(x)[1])
}
ppml("ppml did", did, list(unit, dy))
ppml("ppml did controls", c(did, d[c("x1", "x2")]), list(unit, dy))
ppml("ppml ddd", ddd, list(unit, uy, dy))

all <- do.call(rbind, rows)
for (column in c("estimate", "std_error", "df")) all[[column]] <- ifelse(is.na(all[[column]]), "", trimws(formatC(all[[column]], digits = 17, format = "g")))
write.csv(all, target, row.names = FALSE, fileEncoding = "UTF-8", quote = 1:3, eol = "\n", na = "")
