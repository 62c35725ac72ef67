import json

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from handler.formats.geojson import encode_geojson
from handler.polygons import rotated_box_corners
from tests.handler.formats.answers import (
    CLASSES,
    EVERY_KIND,
    answered,
    instances,
    not_a_number,
    objects,
    panoptic,
    semantic,
)


def features(given):
    document = json.loads(encode_geojson(given))
    assert set(document) == {"type", "features"}
    assert document["type"] == "FeatureCollection"
    return document["features"]


def polygons_of(geometry):
    coordinates = geometry["coordinates"]
    return [coordinates] if geometry["type"] == "Polygon" else coordinates


@pytest.mark.parametrize("given", EVERY_KIND)
def test_every_geometry_is_valid_and_right_handed(given):
    for feature in features(given):
        assert feature["type"] == "Feature"
        geometry = shape(feature["geometry"])
        assert geometry.is_valid, shapely.is_valid_reason(geometry)
        for rings in polygons_of(feature["geometry"]):
            for number, ring in enumerate(rings):
                assert ring[0] == ring[-1]
                assert shapely.LinearRing(ring).is_ccw == (number == 0)


@pytest.mark.parametrize("given", EVERY_KIND)
def test_instances(given):
    found = given.predictions.objects
    ours = features(given)[: len(found)]
    for index, (feature, class_id) in enumerate(zip(ours, found.class_ids, strict=True)):
        expected = CLASSES[class_id]
        properties = feature["properties"]
        assert properties["classification"]["name"] == expected.name
        assert properties["classification"]["color"] == list(expected.color_rgb)
        assert np.float32(properties["score"]) == found.scores[index]
        area = shape(feature["geometry"]).area
        if found.masks is not None and found.masks[index].any():
            assert area == found.masks[index].sum()
        elif found.rotated_boxes is not None:
            corners = rotated_box_corners(found.rotated_boxes[index])
            np.testing.assert_array_equal(polygons_of(feature["geometry"])[0][0][:4], corners)
        else:
            bounds = shape(feature["geometry"]).bounds
            np.testing.assert_array_equal(np.float32(bounds), found.boxes_xyxy[index])
        assert ("keypoints" in properties) == (found.keypoints is not None)


def masked(*rows: str):
    mask = np.array([[pixel == "#" for pixel in row] for row in rows])
    return answered(size_hw=mask.shape, objects=objects(1, masks=mask[None], size_hw=mask.shape))


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        pytest.param(masked("..", "#."), "Polygon", id="one pixel"),
        pytest.param(masked("...", "###", "..."), "Polygon", id="line of one pixel"),
        pytest.param(masked("#.", ".#"), "MultiPolygon", id="pixels that touch at a corner"),
        pytest.param(masked("###", "#.#", "###"), "Polygon", id="hole"),
        pytest.param(masked("##.", "#.#", "###"), "Polygon", id="hole that touches the outside"),
        pytest.param(masked("#.#"), "MultiPolygon", id="two parts"),
    ],
)
def test_small_masks(given, kind):
    (feature,) = features(given)
    geometry = shape(feature["geometry"])
    assert geometry.geom_type == kind
    assert geometry.is_valid
    assert geometry.area == given.predictions.objects.masks.sum()


def test_a_box_without_an_area_has_no_geometry():
    given = instances(1)
    given.predictions.objects.boxes_xyxy[:] = 3
    (feature,) = features(given)
    assert feature["geometry"] is None
    assert feature["properties"]["classification"]["name"] == "cat"


def test_keypoints():
    given = instances(1, keypoints=True)
    (feature,) = features(given)
    keypoints = feature["properties"]["keypoints"]
    assert [one["name"] for one in keypoints] == ["nose", "tail"]
    numbers = [[one["x"], one["y"], one["score"]] for one in keypoints]
    np.testing.assert_array_equal(np.float32(numbers), given.predictions.objects.keypoints[0])


@pytest.mark.parametrize(
    ("given", "names", "scores", "areas"),
    [
        pytest.param(semantic(), ["sky", "gräss"], [None, None], [300, 300], id="semantic"),
        pytest.param(
            panoptic(), ["sky", "cat", "cat"], [None, 0.75, 0.1], [300, 9, 12], id="panoptic"
        ),
    ],
)
def test_segments(given, names, scores, areas):
    found = features(given)
    assert [one["properties"]["classification"]["name"] for one in found] == names
    assert [one["properties"].get("score") for one in found] == scores
    assert [shape(one["geometry"]).area for one in found] == areas


def test_nothing_is_listed_twice():
    found = features(panoptic(with_instances=True))
    names = [one["properties"]["classification"]["name"] for one in found]
    assert names == ["cat", "dög", "sky"]  # two instances, and the one segment that is none


@pytest.mark.parametrize("where", ["boxes_xyxy", "scores", "keypoints"])
def test_refuses_what_json_has_no_word_for(where):
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_geojson(not_a_number(where))
