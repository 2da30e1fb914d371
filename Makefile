# `make help` lists what there is to do. Everything runs in environments of its own below .venv*.
PYTHON ?= python3
VENV := .venv
TORCH := .venv-torch
PEERS := .venv-peers
STRATEGIES := .venv-strategies
LABELLING := .venv-labelling
LABEL_STUDIO := .venv-label-studio
TRACKER := .venv-tracker
AIRFLOW := .venv-airflow
SUPERSET := .venv-superset
SCHEMATHESIS := .venv-schemathesis
CLUSTER := .venv-ray
SOURCES := .venv-sources
BIN := $(VENV)/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
INSTALL := $(PIP_INSTALL) -c constraints.txt
PIP := $(BIN)/python $(INSTALL)

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check bench bench-peers bench-engine bench-al bench-scale docs format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(VENV)/base: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "Installing oddloop and what it needs into $(VENV) ..."
	$(PIP) -e .
	@touch $@

$(VENV)/demo: $(VENV)/base
	@echo "Installing the simulator into $(VENV) ..."
	$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/test: $(VENV)/demo
	$(PIP) -e '.[demo,odd,test]'
	@touch $@

$(TORCH)/test: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TORCH)
	@echo "Installing PyTorch and the packages that the oracles are of into $(TORCH) ..."
	$(TORCH)/bin/python $(INSTALL) -e '.[torch,test]' netcal torchmetrics structlog universal-pathlib h5py
	# By themselves: baal asks for Jupyter, av2 for what draws maps, torchvision for whichever torch it likes.
	$(TORCH)/bin/python $(INSTALL) --no-deps baal pytorch-ood av2 torchvision
	@touch $@

$(STRATEGIES)/test: pyproject.toml constraints.txt tests/oracles/strategies.txt
	$(PYTHON) -m venv $(STRATEGIES)
	@echo "Installing the libraries whose strategies can be named as policies into $(STRATEGIES) ..."
	$(STRATEGIES)/bin/python $(INSTALL) -e '.[test]' -r tests/oracles/strategies.txt
	@touch $@

$(LABELLING)/test: pyproject.toml tests/oracles/labelling.txt
	$(PYTHON) -m venv $(LABELLING)
	@echo "Installing the labelling tools' own libraries into $(LABELLING) ..."
	$(LABELLING)/bin/python $(PIP_INSTALL) -e '.[test]' -r tests/oracles/labelling.txt
	@touch $@

$(LABEL_STUDIO)/server: tests/oracles/label_studio.txt
	$(PYTHON) -m venv $(LABEL_STUDIO)
	@echo "Installing Label Studio into $(LABEL_STUDIO) ..."
	$(LABEL_STUDIO)/bin/python $(PIP_INSTALL) -r tests/oracles/label_studio.txt
	@touch $@

$(TRACKER)/test: pyproject.toml constraints.txt tests/oracles/mlflow.txt
	$(PYTHON) -m venv $(TRACKER)
	@echo "Installing MLflow and its server into $(TRACKER) ..."
	$(TRACKER)/bin/python $(INSTALL) -e '.[mlflow,test]' -r tests/oracles/mlflow.txt
	# By themselves: they ask for an older pyarrow, and for what runs notebooks and containers.
	$(TRACKER)/bin/python $(INSTALL) --no-deps mlflow==3.17.2 mlflow-tracing==3.17.2
	@touch $@

$(SOURCES)/test: pyproject.toml constraints.txt tests/oracles/sources.txt
	$(PYTHON) -m venv $(SOURCES)
	@echo "Installing the readers of other people's data sets into $(SOURCES) ..."
	$(SOURCES)/bin/python $(INSTALL) -e '.[commonroad,test]' -r tests/oracles/sources.txt
	# By themselves: they ask for PyTorch, notebooks and what shows videos.
	$(SOURCES)/bin/python $(INSTALL) --no-deps av2==0.3.6 nuscenes-devkit==1.2.0
	@touch $@

$(AIRFLOW)/test: tests/oracles/airflow.txt
	$(PYTHON) -m venv $(AIRFLOW)
	@echo "Installing Airflow into $(AIRFLOW) ..."
	$(AIRFLOW)/bin/python $(PIP_INSTALL) -r tests/oracles/airflow.txt
	@touch $@

$(CLUSTER)/test: pyproject.toml tests/engine/cluster.txt
	$(PYTHON) -m venv $(CLUSTER)
	@echo "Installing Ray, Dask and a stand-in for an object store into $(CLUSTER) ..."
	$(CLUSTER)/bin/python $(PIP_INSTALL) -e '.[ray,dask,test]' -r tests/engine/cluster.txt
	@touch $@

$(SUPERSET)/server: tests/oracles/superset.txt
	$(PYTHON) -m venv $(SUPERSET)
	@echo "Installing Superset into $(SUPERSET) ..."
	$(SUPERSET)/bin/python $(PIP_INSTALL) -r tests/oracles/superset.txt
	@touch $@

$(SCHEMATHESIS)/test: tests/oracles/schemathesis.txt
	$(PYTHON) -m venv $(SCHEMATHESIS)
	@echo "Installing what asks the API whatever its description allows into $(SCHEMATHESIS) ..."
	$(SCHEMATHESIS)/bin/python $(PIP_INSTALL) -r tests/oracles/schemathesis.txt
	@touch $@

$(PEERS)/bench: bench/peers.txt
	$(PYTHON) -m venv $(PEERS)
	@echo "Installing the packages that the benchmarks are against into $(PEERS) ..."
	$(PEERS)/bin/python $(PIP_INSTALL) -c bench/peers.txt \
		torch torchmetrics structlog modAL-python alipy scikit-activeml small-text sliceline fast-hdbscan evoc graspologic-native faiss-cpu umap-learn hdbscan
	# By themselves: baal asks for Jupyter, torchvision for whichever torch it likes.
	$(PEERS)/bin/python $(PIP_INSTALL) --no-deps -c bench/peers.txt baal torchvision
	@touch $@

$(PEERS)/al: bench/peers.txt
	$(PYTHON) -m venv $(PEERS)
	@echo "Installing the packages whose strategies are set beside ours into $(PEERS) ..."
	$(PEERS)/bin/python $(PIP_INSTALL) -c bench/peers.txt \
		modAL-python scikit-activeml small-text lightly-mundig apricot-select submodlib-py
	@touch $@

$(VENV)/check: $(VENV)/base
	$(PIP) -e '.[check,test]'
	@touch $@

demo: $(VENV)/demo ## Simulate a fleet, run three rounds against a random control, and write a report
	$(BIN)/oddloop demo demo-workspace

test: $(VENV)/test ## Run the test suite that needs only PyPI packages
	$(BIN)/python -m pytest -q -n auto -m "not system"

test-all: $(VENV)/test $(TORCH)/test $(STRATEGIES)/test $(LABELLING)/test $(LABEL_STUDIO)/server $(TRACKER)/test $(AIRFLOW)/test $(SUPERSET)/server $(SCHEMATHESIS)/test $(CLUSTER)/test $(SOURCES)/test ## Also test with a browser, PyTorch and other packages as oracles (installs as root)
	scripts/install-system-packages
	$(PIP) -e '.[delta,iceberg,maps,postgres,rerun,tableau]' lkml playwright axe-playwright-python pyod matplotlib pandas h5py array-api-compat
	# By themselves: they ask for what talks to servers.
	$(PIP) --no-deps scikit-bio biom-format
	ODDLOOP_ORACLES="deltalake pyiceberg pyod skbio" ODDLOOP_AIRFLOW=$(abspath $(AIRFLOW))/bin/python \
		ODDLOOP_SCHEMATHESIS=$(abspath $(SCHEMATHESIS))/bin/schemathesis $(BIN)/python -m pytest -q -m system
	ODDLOOP_ORACLES="torch baal pytorch_ood netcal av2" $(TORCH)/bin/python -m pytest -q -m system \
		tests/collect tests/oracles tests/score/test_score_foreign.py --ignore tests/oracles/test_sources.py
	ODDLOOP_ORACLES="modAL alipy skactiveml small_text lightly_mundig apricot submodlib" \
		$(STRATEGIES)/bin/python -m pytest -q -m system tests/oracles/strategies
	ODDLOOP_ORACLES="label_studio_sdk cvat_sdk datumaro pycocotools" \
		$(LABELLING)/bin/python -m pytest -q -m system tests/oracles/labelling
	ODDLOOP_ORACLES="ray distributed moto" $(CLUSTER)/bin/python -m pytest -q -m system tests/engine
	ODDLOOP_ORACLES="av2 astral commonroad nuscenes" $(SOURCES)/bin/python -m pytest -q -m system \
		tests/oracles/test_sources.py tests/exchange/sources/test_corrupted.py -k "test_sources or commonroad"
	ODDLOOP_ORACLES="mlflow" $(TRACKER)/bin/python -m pytest -q -m system tests/oracles/test_mlflow.py

check: $(VENV)/check ## Lint, format check, strict types, import directions, docs up to date
	$(BIN)/ruff check src tests bench scripts
	$(BIN)/ruff format --check src tests bench scripts
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/architecture

bench: $(VENV)/test ## Measure speed and memory, and write bench/RESULTS.md
	$(BIN)/python bench/run.py

bench-peers: $(VENV)/test $(PEERS)/bench ## The same of scoring, coverage and clusters, against other packages (installs PyTorch)
	$(BIN)/python bench/run.py --only score --only coverage --only clusters --peers $(PEERS)/bin/python

bench-engine: $(CLUSTER)/test ## Threads, Ray and Dask beside each other
	$(CLUSTER)/bin/python bench/run.py --only engine

bench-al: $(VENV)/test $(PEERS)/al ## Label efficiency: ours and other packages' strategies against random picks
	$(BIN)/python bench/run.py --only al --only pick --peers $(PEERS)/bin/python

bench-scale: $(VENV)/test ## A whole run at 100 thousand, 1 and 10 million frames (half an hour, 5 GB of disk)
	$(BIN)/python bench/run.py --only scale

docs: $(VENV)/check ## Make the reference pages from the code
	$(BIN)/python scripts/make_reference.py

format: $(VENV)/check ## Format the code
	$(BIN)/ruff check --fix src tests bench scripts
	$(BIN)/ruff format src tests bench scripts

clean: ## Remove environments, caches and the demo workspace
	rm -rf .venv* demo-workspace build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
